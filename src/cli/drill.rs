//! `locum drill [ID]`: the same runbook in its lab. Nothing real can be reached.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;

use super::Outcome;
use super::outcome::CliError;
use super::run::{How, bundle, drive, headless, needs_no_terminal, not_a_part, person};
use super::secrets::Given;
use super::surroundings::{Surroundings, Where, program, valid};
use crate::engine::Exit;
use crate::engine::record::Mode;
use crate::engine::resolve::TargetLine;
use crate::headless::{Answers, Decisions};
use crate::lab::{self, Lab, LabSpec};
use crate::model::{Command, Runbook};
use crate::session::inputs::draw;
use crate::session::open::{Start, open};
use crate::session::place::Place;
use crate::session::secrets::Secrets;
use crate::template::{Values, render_text};
use crate::trust::Review;
use crate::workspace::Workspace;

/// How long a lab may take to be ready.
const READY_WITHIN: Duration = Duration::from_mins(1);

/// The runbook of a drill that names none.
const FLAGSHIP: &str = "certificate-expired";

/// What the flagship's lab needs of this machine.
const NEEDED: [&str; 3] = ["openssl", "bash", "sh"];

/// Arguments of `drill`.
#[derive(Debug, Args)]
pub struct DrillArgs {
    /// The runbook; default: the one that comes with locum, an expired certificate
    pub id: Option<String>,
    /// Which of its labs
    #[arg(long, value_name = "NAME", default_value = "default")]
    pub lab: String,
    #[command(flatten)]
    pub secrets: Given,
    #[command(flatten)]
    pub how: How,
    /// Without a person: looks run, everything else wants an answer from a file
    #[arg(long, requires = "answers", conflicts_with = "plain")]
    pub headless: bool,
    /// The answers, as YAML
    #[arg(long, value_name = "FILE", requires = "headless")]
    pub answers: Option<PathBuf>,
    #[command(flatten)]
    pub at: Where,
}

/// Drills a runbook.
pub fn drill(args: &DrillArgs) -> Outcome {
    let missing = lab::missing(&NEEDED);
    if !missing.is_empty() {
        let words = missing.join(", ");
        return Err(CliError::new(
            Exit::Environment,
            format!("missing on this machine: {words}; install it, then drill again; nothing was started"),
        ));
    }
    let around = Surroundings::find()?;
    let parent = drills(&around)?;
    let _ = lab::sweep(&parent);
    let folder = tempfile::Builder::new().prefix("drill-").tempdir_in(&parent)?;
    let ours = Embedded::unpack(args, &around, folder.path())?;
    let id = args.id.clone().unwrap_or_else(|| FLAGSHIP.to_owned());
    let loaded = ours.workspace.load(&id)?;
    let text = loaded.file.text().to_owned();
    let runbook = valid(loaded)?;
    not_a_part(&runbook)?;
    let answers = args.answers.as_deref().map(Answers::read).transpose()?;
    if let (Some(answers), Some(path)) = (&answers, &args.answers) {
        answers.check(&crate::engine::Plan::new(runbook.clone()), path)?;
    }
    if answers.is_some() {
        needs_no_terminal(&runbook)?;
    }
    let lab = start(&args.lab, &runbook, &ours.workspace, &folder.path().join("lab"))?;
    let mut given = set_by(&runbook, &args.lab, &lab)?;
    given.extend(answers.iter().flat_map(|answers| answers.inputs.clone()));
    let (of_lab, given) =
        given.into_iter().partition(|(name, _)| runbook.head.inputs.get(name).is_some_and(|input| input.secret));
    let of_lab: BTreeMap<String, String> = of_lab;
    let drawn = draw(&runbook, &given)?;
    if let Some(wanted) = drawn.wanted.first() {
        return Err(CliError::new(
            Exit::LabFailed,
            format!("the lab `{}` gives no value for the input `{}`", args.lab, wanted.name),
        ));
    }
    let place = Place {
        at: TargetLine::default(),
        environment: lab::environment(lab.folder()),
        cwd: lab.folder().to_owned(),
        home: lab.folder().to_owned(),
        host: crate::host::actor::host(),
        sockets: crate::exec::Sockets::default(),
        lab: Some(lab.folder().to_owned()),
        editor: super::surroundings::editor(),
        // Nothing leaves a drill.
        channels: std::collections::BTreeMap::new(),
        secrets: Secrets::default(),
    };
    for (name, value) in &of_lab {
        place.secrets.hold(name, value).map_err(|fault| CliError::new(Exit::LabFailed, fault))?;
    }
    args.secrets.draw(&runbook, &[], &place, person(answers.is_some()))?;
    let mut bundle = bundle(&ours.workspace, &runbook, &text)?;
    let words = start_of(&runbook, &args.lab);
    let words = words.iter().flat_map(|word| word.split_whitespace());
    bundle.lab(&ours.workspace.runbooks, words)?;
    let review = match &args.id {
        Some(id) => super::reviewed::review(&around, &ours.workspace, id, &bundle),
        None if args.at.runbooks.is_some() => super::reviewed::review(&around, &ours.workspace, FLAGSHIP, &bundle),
        None => Review::default(),
    };
    let start = Start {
        review,
        accepted: None,
        also: None,
        bundle,
        runbook,
        inputs: drawn.values,
        who: around.who(args.how.claimed.clone()),
        tz: around.zone(),
        mode: Mode::Drill,
        lab: Some(args.lab.clone()),
        place,
        state: around.state(&args.at)?,
        program: program()?,
    };
    let session = open(start)?;
    let exit = match answers {
        Some(answers) => headless(session, &answers, Decisions::default()),
        None => drive(session, &args.how),
    };
    lab.end();
    let _ = lab::clear(&folder.path().join("lab"));
    exit
}

/// The folder of all drills of this user.
fn drills(around: &Surroundings) -> Result<PathBuf, CliError> {
    use std::os::unix::fs::DirBuilderExt;
    let base = around.places.home.clone().filter(|home| home.is_dir()).map(|home| home.join(".cache/locum"));
    let parent = base.unwrap_or_else(|| std::env::temp_dir().join("locum")).join("drills");
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&parent)?;
    Ok(parent)
}

/// The runbooks of a drill: those of the workspace, or what comes with the program.
struct Embedded {
    workspace: Workspace,
}

/// What comes with the program, by its path below `runbooks/`.
const FILES: &[(&str, &str)] = &[
    ("certificate-expired.yaml", include_str!("../../runbooks/certificate-expired.yaml")),
    ("people.yaml", include_str!("../../runbooks/people.yaml")),
    ("labs/tls/lab.sh", include_str!("../../runbooks/labs/tls/lab.sh")),
    ("labs/tls/reload.sh", include_str!("../../runbooks/labs/tls/reload.sh")),
    ("labs/tls/rotate/default.sh", include_str!("../../runbooks/labs/tls/rotate/default.sh")),
    ("labs/tls/rotate/slip-etcd.sh", include_str!("../../runbooks/labs/tls/rotate/slip-etcd.sh")),
    ("labs/tls/rotate/slip-key.sh", include_str!("../../runbooks/labs/tls/rotate/slip-key.sh")),
    ("labs/tls/rotate/slip-stray.sh", include_str!("../../runbooks/labs/tls/rotate/slip-stray.sh")),
    ("labs/tls/rotate/slip.sh", include_str!("../../runbooks/labs/tls/rotate/slip.sh")),
    ("labs/tls/site.sh", include_str!("../../runbooks/labs/tls/site.sh")),
];

impl Embedded {
    fn unpack(args: &DrillArgs, around: &Surroundings, folder: &Path) -> Result<Self, CliError> {
        if args.id.is_some() || args.at.runbooks.is_some() {
            return Ok(Self { workspace: around.workspace(&args.at)? });
        }
        let root = folder.join("embedded");
        for (path, text) in FILES {
            let path = root.join("runbooks").join(path);
            std::fs::create_dir_all(path.parent().unwrap_or(&root))?;
            std::fs::write(&path, text)?;
            if path.extension().is_some_and(|extension| extension == "sh") {
                use std::os::unix::fs::PermissionsExt;
                std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755))?;
            }
        }
        Ok(Self { workspace: Workspace { runbooks: root.join("runbooks"), root } })
    }
}

/// What starts a lab: its script, or its words.
fn start_of(runbook: &Runbook, name: &str) -> Vec<String> {
    match runbook.head.labs.get(name).map(|lab| &lab.start) {
        Some(Command::Script(text)) => vec![text.source.clone()],
        Some(Command::Argv(words, _)) => words.iter().map(|word| word.source.clone()).collect(),
        None => Vec::new(),
    }
}

fn start(name: &str, runbook: &Runbook, workspace: &Workspace, folder: &Path) -> Result<Lab, CliError> {
    let Some(spec) = runbook.head.labs.get(name) else {
        let names: Vec<_> = runbook.head.labs.keys().map(String::as_str).collect();
        let known = if names.is_empty() { "it has none".to_owned() } else { format!("it has: {}", names.join(", ")) };
        return Err(CliError::new(Exit::Usage, format!("runbook `{}` has no lab `{name}`; {known}", runbook.id)));
    };
    let start = match &spec.start {
        Command::Script(text) => vec!["sh".to_owned(), "-eu".to_owned(), "-c".to_owned(), text.source.clone()],
        Command::Argv(..) => start_of(runbook, name),
    };
    let spec = LabSpec { start, cwd: workspace.runbooks.clone(), env_extra: Vec::new() };
    Lab::start(&spec, folder, READY_WITHIN).map_err(|error| CliError { exit: Exit::LabFailed, error: error.into() })
}

/// The values that the lab prints, and those that the runbook sets from them.
fn set_by(runbook: &Runbook, name: &str, lab: &Lab) -> Result<BTreeMap<String, String>, CliError> {
    let mut given: BTreeMap<String, String> = BTreeMap::new();
    let mut known = Values::default();
    for (name, value) in lab.inputs() {
        known.insert_text(name, value);
        if runbook.head.inputs.contains_key(name) {
            given.insert(name.clone(), value.clone());
        }
    }
    let inputs = runbook.head.labs.get(name).map(|lab| &lab.inputs);
    for (name, text) in inputs.into_iter().flatten() {
        let value = render_text(text, &known).map_err(|problem| {
            CliError::new(Exit::InvalidRunbook, format!("lab input `{name}`: {}", problem.message))
        })?;
        given.insert(name.clone(), value);
    }
    Ok(given)
}
