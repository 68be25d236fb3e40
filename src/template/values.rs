//! What a template can see: names with their values, in a fixed order.

use indexmap::IndexMap;
use minijinja::Value;
use minijinja::value::ValueKind;

/// The values that a template can see, by name.
#[derive(Clone, Debug, Default)]
pub struct Values(IndexMap<String, Value>);

impl Values {
    /// A text. It stays a text, whatever it looks like: `0755`, `no` and `1.10` come out unchanged.
    pub fn insert_text(&mut self, name: &str, text: &str) {
        self.0.insert(name.to_owned(), Value::from(text));
    }

    /// A list of texts: several words in a command.
    pub fn insert_list(&mut self, name: &str, items: Vec<String>) {
        self.0.insert(name.to_owned(), Value::from(items));
    }

    /// A flag; it prints as `true` or `false`.
    pub fn insert_flag(&mut self, name: &str, flag: bool) {
        self.0.insert(name.to_owned(), Value::from(flag));
    }

    /// Texts by name, read as `host.name`. A mapping itself cannot be printed.
    pub fn insert_map(&mut self, name: &str, map: IndexMap<String, String>) {
        self.0.insert(name.to_owned(), mapping(map.into_iter().map(|(key, text)| (key, Value::from(text)))));
    }

    /// Is there a value of this name?
    pub fn contains(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// The text of this name; nothing if there is none, or if it is something else than a text.
    pub fn get_text(&self, name: &str) -> Option<String> {
        self.0.get(name).and_then(Value::as_str).map(str::to_owned)
    }

    /// The list of this name; nothing if there is none, or if it is something else than a list.
    pub fn get_list(&self, name: &str) -> Option<Vec<String>> {
        let value = self.0.get(name).filter(|value| value.kind() == ValueKind::Seq)?;
        Some(value.try_iter().ok()?.map(|item| item.to_string()).collect())
    }

    /// The names, in the order they were inserted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    pub(super) fn context(&self) -> Value {
        mapping(self.0.clone())
    }
}

fn mapping(entries: impl IntoIterator<Item = (String, Value)>) -> Value {
    Value::from_object(entries.into_iter().map(|(key, value)| (Value::from(key), value)).collect::<IndexMap<_, _>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_value_is_read_back_as_what_it_is() {
        let mut values = Values::default();
        values.insert_text("mode", "0755");
        values.insert_list("hosts", vec!["kyousuke".into(), "masato".into()]);
        values.insert_flag("force", true);
        values.insert_map("host", IndexMap::from([("name".to_owned(), "riki".to_owned())]));
        assert_eq!(values.get_text("mode").as_deref(), Some("0755"));
        assert_eq!(values.get_list("hosts").unwrap(), ["kyousuke", "masato"]);
        assert_eq!(values.get_text("hosts"), None);
        assert_eq!(values.get_list("mode"), None);
        assert_eq!(values.get_text("force"), None);
        assert_eq!(values.names().collect::<Vec<_>>(), ["mode", "hosts", "force", "host"]);
        assert!(values.contains("host") && !values.contains("hsot"));
    }
}
