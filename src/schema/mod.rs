//! The JSON Schema of a runbook, printed from the same tables that the loader reads by.
//!
//! It is for editors and for other tools. Which field belongs to which kind, names, destinations and everything
//! else that needs more than one key is left to the loader; keys that are not built yet are left out.

use serde_json::{Map, Value, json};

use crate::model::decode::Decode;
use crate::model::runbook::WrittenRunbook;
use crate::model::shape::{Field, Needed, RecordRef, Shape};

/// The schema, draft 2020-12.
pub fn runbook() -> Value {
    let mut defs = Map::new();
    // A text is any scalar: `no`, `0755` and `1.10` stay as they are written.
    defs.insert("text".to_owned(), json!({ "type": ["string", "number", "boolean"] }));
    let root = of_shape(&WrittenRunbook::shape(), &mut defs);
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "locum runbook, version 1",
        "$ref": root["$ref"],
        "$defs": defs,
    })
}

/// The schema as it is committed: two spaces, keys in the order of the tables, a newline at the end.
pub fn printed() -> String {
    format!("{:#}\n", runbook())
}

fn of_shape(shape: &Shape, defs: &mut Map<String, Value>) -> Value {
    match shape {
        Shape::Text { pattern: Some(pattern), .. } => json!({ "type": "string", "pattern": pattern }),
        Shape::Text { pattern: None, .. } => json!({ "$ref": "#/$defs/text" }),
        Shape::Flag => json!({ "type": "boolean" }),
        Shape::Integer => json!({ "type": "integer" }),
        Shape::Words(words) => {
            let numbers = words.iter().filter_map(|word| word.parse::<u64>().ok()).map(Value::from);
            let all: Vec<Value> = numbers.chain(words.iter().map(|word| Value::from(*word))).collect();
            json!({ "enum": all })
        }
        Shape::List(item) => json!({ "type": "array", "items": of_shape(item, defs) }),
        Shape::Map(value) => json!({ "type": "object", "additionalProperties": of_shape(value, defs) }),
        Shape::Any(shapes) => any(shapes, defs),
        Shape::Record(record) => {
            let name = record.name.replace(' ', "_");
            if !defs.contains_key(&name) {
                // Records contain themselves: the name is taken before the fields are asked for.
                defs.insert(name.clone(), Value::Null);
                let definition = of_record(record, defs);
                defs.insert(name.clone(), definition);
            }
            json!({ "$ref": format!("#/$defs/{name}") })
        }
    }
}

/// One of several; shapes in shapes are laid flat, and what is the same is said once.
fn any(shapes: &[Shape], defs: &mut Map<String, Value>) -> Value {
    let mut all: Vec<Value> = Vec::new();
    for shape in shapes {
        let schema = of_shape(shape, defs);
        let inner = schema.get("anyOf").and_then(Value::as_array).cloned().unwrap_or_else(|| vec![schema]);
        for one in inner {
            if !all.contains(&one) {
                all.push(one);
            }
        }
    }
    json!({ "anyOf": all })
}

fn of_record(record: &RecordRef, defs: &mut Map<String, Value>) -> Value {
    let fields = (record.fields)();
    let mut properties = Map::new();
    for Field { name, about, shape, .. } in &fields {
        let mut schema = of_shape(shape, defs);
        schema["description"] = Value::from(*about);
        properties.insert((*name).to_owned(), schema);
    }
    let mut schema = json!({ "type": "object", "description": record.about, "properties": properties, "additionalProperties": false });
    let required: Vec<_> =
        fields.iter().filter(|field| field.needed == Needed::Required).map(|field| field.name).collect();
    if !required.is_empty() {
        schema["required"] = Value::from(required);
    }
    if !record.one_of.is_empty() {
        let kinds: Vec<_> = record.one_of.iter().map(|key| json!({ "required": [key] })).collect();
        schema["oneOf"] = Value::from(kinds);
    }
    schema
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "whoever changes the format asks for a new schema by it")]
    fn the_schema_is_current() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/schemas/runbook.v1.json");
        if std::env::var_os("UPDATE").is_some() {
            std::fs::create_dir_all(concat!(env!("CARGO_MANIFEST_DIR"), "/schemas")).expect("the folder can be made");
            std::fs::write(path, printed()).expect("the schema can be written");
        }
        let committed = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            committed == printed(),
            "schemas/runbook.v1.json has drifted: run this test with UPDATE=1 and commit it"
        );
    }

    #[test]
    fn every_reference_leads_to_a_definition() {
        let schema = runbook();
        let printed = printed();
        let names: Vec<_> = printed.split("\"#/$defs/").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        assert!(names.len() > 50);
        for name in names {
            assert!(schema["$defs"][name].is_object(), "{name}");
        }
    }

    #[test]
    fn keys_that_are_not_built_yet_are_left_out() {
        let schema = runbook();
        let step = &schema["$defs"]["step"]["properties"];
        assert!(step["check"].is_object());
        assert!(step["approval"].is_null());
        assert!(schema["$defs"]["undo"]["properties"]["include"].is_null());
    }

    #[test]
    fn a_step_has_exactly_one_kind_and_no_other_keys() {
        let schema = runbook();
        let step = &schema["$defs"]["step"];
        assert_eq!(step["oneOf"].as_array().map(Vec::len), Some(10));
        assert_eq!(step["additionalProperties"], false);
        assert_eq!(schema["$defs"]["runbook"]["required"], json!(["locum", "title"]));
    }
}
