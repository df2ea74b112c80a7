//! profiles.yml → the [`Target`] of this run.

use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use indexmap::IndexMap;
use regex::Regex;
use serde_json::{Map, Value};

use super::duckdb_extras;
use super::reader::{MapReader, type_error};
use super::render::YamlRenderer;
use super::target::{
    DuckDbAttach, DuckDbExtension, DuckDbParams, EngineConfig, EngineParams, PostgresParams,
    Secret, Target,
};
use super::text::read_text;
use super::yaml::{self, Yaml, YamlKind};
use crate::diagnostic::{Code, Diagnostic, Location, Result, SourceFile, did_you_mean};

/// Where to look and what to take.
#[derive(Debug, Clone)]
pub struct ProfileChoice<'a> {
    /// `--profiles-dir` or `DBT_PROFILES_DIR`.
    pub profiles_dir: Option<&'a Path>,
    /// Where the command was started.
    pub started_in: &'a Path,
    /// The root project's folder, absolute.
    pub project_root: &'a Path,
    /// `--profile`, or `profile:` of dbt_project.yml.
    pub profile: Option<&'a str>,
    /// Where dbt_project.yml names the profile, unless the command line does.
    pub profile_at: Option<Location>,
    /// `--target`
    pub target: Option<&'a str>,
    /// `--threads`
    pub threads: Option<usize>,
    /// `--vars`
    pub vars: &'a Map<String, Value>,
}

/// The profiles.yml that counts: `--profiles-dir`, else the folder that the command was started
/// in, the project's folder, `~/.dbt`.
///
/// # Errors
/// `NO_PROFILE`, naming the folders that were tried.
pub fn find(choice: &ProfileChoice) -> Result<PathBuf> {
    let mut tried: Vec<PathBuf> = match choice.profiles_dir {
        Some(dir) => vec![dir.to_path_buf()],
        None => vec![choice.started_in.to_path_buf(), choice.project_root.to_path_buf()],
    };
    if choice.profiles_dir.is_none()
        && let Some(home) = std::env::home_dir()
    {
        tried.push(home.join(".dbt"));
    }
    tried.dedup();
    tried.iter().map(|dir| dir.join("profiles.yml")).find(|path| path.exists()).ok_or_else(|| {
        let shown = |dir: &PathBuf| match dir.strip_prefix(choice.started_in) {
            Ok(below) if !below.as_os_str().is_empty() => below.display().to_string(),
            _ => dir.display().to_string(),
        };
        let folders: Vec<_> = tried.iter().map(shown).collect();
        Box::new(
            Diagnostic::error(Code::NO_PROFILE, "No profiles.yml was found")
                .note(format!("dbt looked for a profiles.yml file in {}", folders.join(", ")))
                .help("Write one, or name its folder with --profiles-dir."),
        )
    })
}

/// Reads the chosen output of the chosen profile.
///
/// # Errors
/// `NO_PROFILE`, `BAD_CONFIG`, `UNKNOWN_ENGINE`, `MISSING_ENV`; only the chosen output is rendered.
pub fn read(choice: &ProfileChoice) -> Result<(Target, Vec<Diagnostic>)> {
    let path = find(choice)?;
    let shown = path.strip_prefix(choice.started_in).unwrap_or(&path);
    let file = read_text(&path, shown)?;
    let shown_as = SourceFile::new(&file.path, masked(&file.text));
    let hide = |mut found: Diagnostic| {
        let places = found.related.iter_mut().map(|related| &mut related.location);
        for place in places.chain(&mut found.location) {
            place.file = shown_as.clone();
        }
        found
    };
    let document = yaml::parse(&file).map_err(|error| Box::new(hide(*error)))?;
    let mut warnings: Vec<Diagnostic> = document.warnings.into_iter().map(hide).collect();
    // From here on, places point into the text without its secrets.
    let file = shown_as;
    let renderer = YamlRenderer::new(choice.vars.clone(), None).with_secrets();

    let wanted = choice.profile.ok_or_else(|| {
        Box::new(
            Diagnostic::error(Code::NO_PROFILE, "No profile was named")
                .help("Add `profile: <name>` to dbt_project.yml, or pass --profile."),
        )
    })?;
    let profiles: Vec<&str> = document
        .root
        .entries()
        .iter()
        .map(|(key, _)| key.text.as_str())
        .filter(|name| *name != "config")
        .collect();
    if let Some((key, flags)) = document.root.entries().iter().find(|(key, _)| key.text == "config")
        && !flags.entries().is_empty()
    {
        let message = "User config should be moved from the 'config' key in profiles.yml to the \
                       'flags' key in dbt_project.yml.";
        warnings.push(
            Diagnostic::warning(Code::BAD_CONFIG, message)
                .event("ProjectFlagsMovedDeprecation")
                .at(Location::new(file.clone(), key.span.clone()))
                .help("It is not read here."),
        );
    }
    let Some(profile) = document.root.get(wanted) else {
        let what = format!("Could not find profile named '{wanted}' in {}", shown.display());
        let place = choice.profile_at.clone().unwrap_or(Location::new(file, 0..0));
        return Err(absent(place, what, wanted, &profiles));
    };
    let mut map = MapReader::new(&file, "a profile", profile)?;
    let outputs = map.any("outputs");
    let default_target = map.any("target");
    map.ignore(&["config"]);
    map.deny_left_over()?;
    let target = match (choice.target, default_target) {
        (Some(name), _) => name.to_owned(),
        (None, Some(value)) => match renderer.render(&file, value)? {
            Value::String(name) => name,
            _ => return Err(type_error(&file, "`target`", "text", value)),
        },
        (None, None) => "default".to_owned(),
    };
    let names: Vec<&str> = outputs
        .map(|o| o.entries().iter().map(|(key, _)| key.text.as_str()).collect())
        .unwrap_or_default();
    let Some(output) = outputs.and_then(|o| o.get(&target)) else {
        let what = format!(
            "The profile '{wanted}' does not have a target named '{target}'. The valid target names \
             for this profile are: {}",
            names.join(", ")
        );
        let place = match (choice.target, default_target, outputs) {
            (None, Some(value), _) => value.span.clone(),
            (_, _, Some(outputs)) => {
                let keys = outputs.entries().iter().map(|(key, _)| key.span.clone());
                keys.reduce(|first, last| first.start..last.end).unwrap_or(outputs.span.clone())
            }
            _ => profile.span.clone(),
        };
        return Err(absent(Location::new(file.clone(), place), what, &target, &names));
    };
    let output = renderer.render_tree(&file, output)?;
    let reader = Reader { file: &file, choice, warnings: &mut warnings };
    let target = reader.target(wanted, &target, &output)?;
    Ok((target, warnings))
}

/// The text with stars for everything that may be a secret, byte for byte: an error shows the
/// line that it is about, and other keys may stand in that line.
fn masked(text: &str) -> String {
    static SECRET: LazyLock<Regex> = LazyLock::new(|| {
        let value = r#"(?:"(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^\n]*)"#;
        // Not \w: its tables take longer to make than all of the profile to read.
        let key = r#"[^\s:"']*(?:pass|secret|token|credential|key)[^\s:"']*"#;
        Regex::new(&format!(r#"(?i)({key}["']?[ \t]*:[ \t]*)({value})"#))
            .expect("the pattern is valid")
    });
    let mut out = text.to_owned();
    for found in SECRET.captures_iter(text) {
        let Some(value) = found.get(2).filter(|value| !value.as_str().contains("{{")) else {
            continue;
        };
        let line = text[..value.start()].rfind('\n').map_or(0, |at| at + 1);
        let in_flow = text[line..value.start()].contains('{');
        let length = match value.as_str() {
            quoted if quoted.starts_with(['"', '\'']) => quoted.len(),
            plain if in_flow => plain.find([',', '}']).unwrap_or(plain.len()),
            plain => plain.len(),
        };
        let range = value.start()..value.start() + length;
        out.replace_range(range, &"*".repeat(length));
    }
    out
}

fn absent(place: Location, what: String, wanted: &str, known: &[&str]) -> Box<Diagnostic> {
    let mut error = Diagnostic::error(Code::NO_PROFILE, what).at(place);
    if let Some(help) = did_you_mean(wanted, known.iter().copied()) {
        error = error.help(help);
    }
    Box::new(error.help(format!("Known names: {}.", known.join(", "))))
}

struct Reader<'a> {
    file: &'a Arc<SourceFile>,
    choice: &'a ProfileChoice<'a>,
    warnings: &'a mut Vec<Diagnostic>,
}

impl Reader<'_> {
    fn target(mut self, profile: &str, name: &str, output: &Yaml) -> Result<Target> {
        let mut map = MapReader::new(self.file, "an output of a profile", output)?;
        let kind = map.required_text("type")?;
        let threads = match map.any("threads") {
            None => None,
            Some(value) => match value.to_json().as_u64() {
                Some(n) if n > 0 => Some(n as usize),
                _ => return Err(type_error(self.file, "`threads`", "a number above 0", value)),
            },
        };
        let results_of_its_own = map.any("results");
        let mut engines = IndexMap::new();
        let default_engine: Arc<str>;
        let mut results = None;
        if kind == "hybrid" {
            let listed = map.any("engines");
            for (key, yaml) in listed.map(Yaml::entries).unwrap_or_default() {
                let engine = self.engine(&key.text, yaml, None)?;
                engines.insert(engine.name.clone(), Arc::new(engine));
            }
            if engines.is_empty() {
                return Err(Box::new(
                    Diagnostic::error(Code::BAD_CONFIG, "A hybrid output needs `engines:`")
                        .at(Location::new(self.file.clone(), output.span.clone()))
                        .help("Name at least one: engines: {analytics: {type: duckdb, path: …}}"),
                ));
            }
            let named = |map: &mut MapReader, key| -> Result<Option<Arc<EngineConfig>>> {
                let Some(value) = map.any(key) else { return Ok(None) };
                let wanted = value.as_str().unwrap_or_default();
                match engines.get(wanted) {
                    Some(engine) => Ok(Some(engine.clone())),
                    None => Err(self.unknown_engine(wanted, value, &engines)),
                }
            };
            default_engine = match named(&mut map, "default_engine")? {
                Some(engine) => engine.name.clone(),
                None => engines[0].name.clone(),
            };
            results = named(&mut map, "results_engine")?;
            if let Some(engine) = &results
                && !matches!(engine.params, EngineParams::Postgres(_))
            {
                let at = map.any("results_engine").map_or(0..0, |y| y.span.clone());
                return Err(Box::new(
                    Diagnostic::error(
                        Code::BAD_CONFIG,
                        format!("The results store needs PostgreSQL, but `{}` is not", engine.name),
                    )
                    .at(Location::new(self.file.clone(), at))
                    .help("Name an engine of type postgres."),
                ));
            }
            map.deny_left_over()?;
        } else {
            let engine = self.engine(&kind, output, Some(&["threads", "results"]))?;
            default_engine = engine.name.clone();
            engines.insert(engine.name.clone(), Arc::new(engine));
        }
        if let Some(yaml) = results_of_its_own {
            results = Some(Arc::new(self.engine("results", yaml, None)?));
        }
        let hybrid = kind == "hybrid";
        Ok(Target {
            profile: profile.to_owned(),
            name: name.to_owned(),
            threads: self.choice.threads.or(threads).unwrap_or(if hybrid { 4 } else { 1 }),
            default_engine,
            results,
            engines,
        })
    }

    fn unknown_engine(
        &self,
        wanted: &str,
        at: &Yaml,
        engines: &IndexMap<Arc<str>, Arc<EngineConfig>>,
    ) -> Box<Diagnostic> {
        let names: Vec<&str> = engines.keys().map(AsRef::as_ref).collect();
        Box::new(
            Diagnostic::error(Code::UNKNOWN_ENGINE, format!("There is no engine `{wanted}` here"))
                .at(Location::new(self.file.clone(), at.span.clone()))
                .help(format!("Engines of this output: {}.", names.join(", "))),
        )
    }

    fn engine(
        &mut self,
        name: &str,
        yaml: &Yaml,
        also: Option<&[&'static str]>,
    ) -> Result<EngineConfig> {
        let mut map = MapReader::new(self.file, "an engine", yaml)?;
        map.ignore(also.unwrap_or_default());
        let kind = map.text("type")?.unwrap_or_else(|| name.to_owned());
        let engine = match kind.as_str() {
            "duckdb" => self.duckdb(name, &mut map)?,
            "postgres" | "results" => self.postgres(name, &mut map)?,
            other => {
                let at = yaml.get("type").unwrap_or(yaml);
                let mut error = Diagnostic::error(
                    Code::UNKNOWN_ENGINE,
                    format!("`{other}` is not a type of database that Pintail runs on"),
                )
                .at(Location::new(self.file.clone(), at.span.clone()));
                if let Some(help) = did_you_mean(other, ["duckdb", "postgres", "hybrid"]) {
                    error = error.help(help);
                }
                return Err(Box::new(error.help("Known types: duckdb, postgres, hybrid.")));
            }
        };
        map.warn_left_over(self.warnings)?;
        Ok(engine)
    }

    fn duckdb(&mut self, name: &str, map: &mut MapReader) -> Result<EngineConfig> {
        let path = map.text("path")?.unwrap_or_else(|| ":memory:".to_owned());
        let in_memory = path == ":memory:" || path.is_empty();
        let path = (!in_memory).then(|| self.choice.project_root.join(&path));
        let stem = path
            .as_ref()
            .and_then(|p| p.file_stem())
            .map_or_else(|| "memory".to_owned(), |stem| stem.to_string_lossy().into_owned());
        let mut params =
            DuckDbParams { path, external_root: ".".to_owned(), ..DuckDbParams::default() };
        for extension in map.list("extensions")? {
            params.extensions.push(match &extension.kind {
                YamlKind::Text(name) => DuckDbExtension { name: name.clone(), repository: None },
                _ => {
                    let mut entry = MapReader::new(self.file, "an extension", extension)?;
                    DuckDbExtension {
                        name: entry.required_text("name")?,
                        repository: entry.text("repo")?,
                    }
                }
            });
        }
        for key in ["settings", "config_options"] {
            params.settings.extend(map.json_map(key)?);
        }
        for attach in map.list("attach")? {
            let mut entry = MapReader::new(self.file, "an attached database", attach)?;
            params.attach.push(DuckDbAttach {
                path: entry.required_text("path")?,
                alias: entry.text("alias")?,
                kind: entry.text("type")?,
                read_only: entry.flag("read_only")?.unwrap_or(false),
                secret: entry.text("secret")?,
                options: entry.json_map("options")?.into_iter().collect(),
            });
            let marked = entry.flag("is_ducklake")?.unwrap_or(false);
            params
                .marked_ducklakes
                .extend(params.attach.last().filter(|_| marked).map(DuckDbAttach::name));
            entry.warn_left_over(self.warnings)?;
        }
        for secret in map.list("secrets")? {
            if let Value::Object(entry) = secret.to_json() {
                params.secrets.push(entry.into_iter().collect());
            }
        }
        for path in map.list("module_paths")? {
            params.module_paths.extend(path.as_str().map(str::to_owned));
        }
        if map.flag("is_ducklake")?.unwrap_or(false) {
            params.marked_ducklakes.push(stem.clone());
        }
        if let Some(root) = map.text("external_root")? {
            params.external_root = root;
        }
        if let Some(provider) = map.any("use_credential_provider") {
            if provider.as_str() != Some("aws") {
                return Err(type_error(self.file, "`use_credential_provider`", "`aws`", provider));
            }
            let secret = [("type", "s3"), ("provider", "credential_chain")];
            params.secrets.push(
                secret.map(|(key, value)| (key.to_owned(), value.into())).into_iter().collect(),
            );
        }
        duckdb_extras::refuse(self.file, map)?;
        let database = duckdb_extras::database(self.file, map, stem, &params)?;
        map.ignore(duckdb_extras::WITHOUT_EFFECT);
        Ok(EngineConfig {
            name: name.into(),
            location: map.engine_place(),
            database,
            schema: map.text("schema")?.unwrap_or_else(|| "main".to_owned()),
            params: EngineParams::DuckDb(params),
        })
    }

    fn postgres(&mut self, name: &str, map: &mut MapReader) -> Result<EngineConfig> {
        let embedded = map.flag("embedded")?.unwrap_or(false);
        let number = |map: &mut MapReader, key: &'static str, default: u64| -> Result<u64> {
            let Some(value) = map.any(key) else { return Ok(default) };
            value
                .to_json()
                .as_u64()
                .or_else(|| value.as_str().and_then(|text| text.parse().ok()))
                .ok_or_else(|| type_error(map.file(), &format!("`{key}`"), "a number", value))
        };
        let dbname = map.text("dbname")?.or(map.text("database")?);
        let password = map.text("password")?.or(map.text("pass")?);
        let host = map.text("host")?;
        let user = map.text("user")?;
        let (host, user, dbname) = if embedded {
            (
                String::new(),
                user.unwrap_or_else(|| "pintail".into()),
                dbname.unwrap_or_else(|| "pintail".into()),
            )
        } else {
            let need = |value: Option<String>, key: &'static str, map: &mut MapReader| match value {
                Some(value) => Ok(value),
                None => map.required_text(key),
            };
            (need(host, "host", map)?, need(user, "user", map)?, need(dbname, "dbname", map)?)
        };
        let params = PostgresParams {
            embedded: embedded.then(|| self.choice.project_root.join(".pintail/postgres")),
            host,
            port: u16::try_from(number(map, "port", 5432)?).unwrap_or(5432),
            user,
            password: password.map(Secret::new),
            dbname: dbname.clone(),
            sslmode: map.text("sslmode")?,
            sslcert: map.text("sslcert")?,
            sslkey: map.text("sslkey")?,
            sslrootcert: map.text("sslrootcert")?,
            application_name: map.text("application_name")?,
            search_path: map.text("search_path")?,
            role: map.text("role")?,
            connect_timeout: Duration::from_secs(number(map, "connect_timeout", 10)?),
            retries: number(map, "retries", 1)? as u32,
            keepalives_idle: Duration::from_secs(number(map, "keepalives_idle", 0)?),
        };
        map.ignore(&["options"]);
        Ok(EngineConfig {
            name: name.into(),
            location: map.engine_place(),
            database: dbname,
            schema: map.text("schema")?.unwrap_or_else(|| "public".to_owned()),
            params: EngineParams::Postgres(params),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::masked;

    #[test]
    fn secrets_become_stars_of_the_same_length() {
        let cases = [
            ("{user: a, password: b c, port: 1}", "{user: a, password: ***, port: 1}"),
            ("  password: a, b}\n  port: 1\n", "  password: *****\n  port: 1\n"),
            ("  pass: 'it''s'  # x\n", "  pass: *******  # x\n"),
            ("  password: \"{{ env_var('P') }}\"\n", "  password: \"{{ env_var('P') }}\"\n"),
            ("  s3_secret_access_key: ü\n", "  s3_secret_access_key: **\n"),
        ];
        for (text, expected) in cases {
            assert_eq!(masked(text), expected);
        }
    }
}
