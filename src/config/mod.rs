//! The user's own configuration, and where state is kept. A repository can grant nothing here.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// `~/.config/locum/config.yaml`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// What you are called in journals.
    #[serde(default)]
    pub name: Option<String>,
    /// Your zone, as IANA names it; default: the machine's.
    #[serde(default)]
    pub zone: Option<String>,
    /// The branch that holds what was reviewed; default: what the origin calls its own, then `main` or `master`.
    #[serde(default)]
    pub reviewed_branch: Option<String>,
    /// Where `announce` tells people, by name. A repository can add none.
    #[serde(default)]
    channels: BTreeMap<String, Channel>,
}

/// A way to tell people.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Channel {
    /// The words of a command that reads the text; exit 0 means that it was told.
    command: Vec<String>,
}

/// The configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("cannot read `{path}`")]
    Read { path: PathBuf, source: io::Error },
    #[error("`{path}` is not a configuration: {source}")]
    Syntax { path: PathBuf, source: serde_yaml::Error },
    #[error("`{path}` has zone `{zone}`, expected an IANA name such as `Europe/Copenhagen`")]
    Zone { path: PathBuf, zone: String },
    #[error("`{path}` has channel `{name}` without a command, expected one such as `[notify, --room, ops]`")]
    Channel { path: PathBuf, name: String },
    #[error("there is no home: set `HOME`, or name a folder with `--state`")]
    NoHome,
}

impl Config {
    /// Reads a file; one that is not there is an empty one.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(source) => return Err(ConfigError::Read { path: path.to_owned(), source }),
        };
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        let config: Self =
            serde_yaml::from_str(&text).map_err(|source| ConfigError::Syntax { path: path.to_owned(), source })?;
        if let Some((name, _)) = config.channels.iter().find(|(_, channel)| channel.command.is_empty()) {
            return Err(ConfigError::Channel { path: path.to_owned(), name: name.clone() });
        }
        match &config.zone {
            Some(zone) if zone.parse::<crate::text::Zone>().is_err() => {
                Err(ConfigError::Zone { path: path.to_owned(), zone: zone.clone() })
            }
            Some(_) | None => Ok(config),
        }
    }

    /// The command of each channel, by its name.
    pub fn channels(&self) -> BTreeMap<String, Vec<String>> {
        self.channels.iter().map(|(name, channel)| (name.clone(), channel.command.clone())).collect()
    }
}

/// Where things lie, from the environment.
#[derive(Clone, Debug)]
pub struct Places {
    pub home: Option<PathBuf>,
    config: Option<PathBuf>,
    state: Option<PathBuf>,
    /// What can be lost without harm.
    pub cache: Option<PathBuf>,
}

impl Places {
    /// `variable` gives a variable of the environment.
    pub fn new(variable: &dyn Fn(&str) -> Option<String>) -> Self {
        let folder = |name: &str| variable(name).filter(|path| !path.is_empty()).map(PathBuf::from);
        let home = folder("HOME");
        let below = |xdg: &str, default: &str| folder(xdg).or_else(|| home.as_ref().map(|home| home.join(default)));
        Self {
            cache: below("XDG_CACHE_HOME", ".cache").map(|base| base.join("locum")),
            config: below("XDG_CONFIG_HOME", ".config").map(|base| base.join("locum/config.yaml")),
            state: folder("LOCUM_STATE")
                .or_else(|| below("XDG_STATE_HOME", ".local/state").map(|base| base.join("locum"))),
            home,
        }
    }

    pub fn config(&self) -> Result<Config, ConfigError> {
        self.config.as_deref().map_or_else(|| Ok(Config::default()), Config::read)
    }

    /// Where runs are kept.
    pub fn state(&self, named: Option<&Path>) -> Result<PathBuf, ConfigError> {
        named.map(Path::to_owned).or_else(|| self.state.clone()).ok_or(ConfigError::NoHome)
    }
}
