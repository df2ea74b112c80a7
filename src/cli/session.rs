//! From the command line to a project that is ready for work: configuration, files, manifest, DAG,
//! compiler, engines. Commands take from here what they need.

use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::args::{GlobalArgs, RunArgs, SelectionArgs};
use super::audit::{self, Audit};
use super::columns;
use super::earlier::Earlier;
use super::states::{States, indirect};
use crate::artifacts::{self, ManifestInputs};
use crate::checksum;
use crate::clock;
use crate::compile::{Compiler, ManifestValues, read_in_place};
use crate::config::event_time::{RowFlags, Sample};
use crate::config::yaml;
use crate::config::{
    Config, DBT_VERSION, FlagValues, Flags, Secrets, WARNING_OF_TEMPLATE, scrub_json,
    unknown_engine_variables,
};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Result, SourceFile};
use crate::graph::{Graph, NodeIndex, Selected, Selectors};
use crate::jinja::{self, Message};
use crate::load;
use crate::manifest::{Manifest, Node};
use crate::parse;
use crate::relation::Quoting;
use crate::report::{self, Console, Level};
use crate::run::{Engines, InvocationInfo, RunResult};

/// What every command starts from.
pub(super) struct Start<'a> {
    pub global: &'a GlobalArgs,
    pub flags: &'a FlagValues,
    pub audit: &'a Arc<Audit>,
    pub console: Arc<Console>,
    /// The nodes of `retry`, whatever is selected.
    pub only: Option<&'a Earlier>,
}

/// A project that was read.
pub(super) struct Session {
    pub config: Arc<Config>,
    pub compiler: Arc<Compiler>,
    pub graph: Graph,
    pub engines: Arc<Engines>,
    pub invocation: InvocationInfo,
    pub console: Arc<Console>,
    pub audit: Arc<Audit>,
    /// The only nodes that take part, in a retry.
    pub only: Option<Earlier>,
    pub selectors: Selectors,
    pub states: States,
}

impl Start<'_> {
    /// What the command line says to every command.
    ///
    /// # Errors
    /// `--vars` that are no map.
    pub fn flags(&self, run: Option<&RunArgs>) -> Result<Flags> {
        let global = self.global;
        Ok(Flags {
            project_dir: global.project_dir.clone(),
            profiles_dir: global.profiles_dir.clone(),
            profile: global.profile.clone(),
            target: global.target.clone(),
            target_path: global.target_path.clone(),
            threads: global.threads,
            vars: yaml_map("--vars", global.vars.as_deref())?,
            no_version_check: global.ignored.no_version_check,
            full_refresh: run.is_some_and(|run| run.full_refresh),
            fail_fast: run.is_some_and(|run| run.fail_fast),
            store_failures: run.is_some_and(|run| run.store_failures),
            rows: row_flags(self.flags)?,
            all: self.flags.clone(),
        })
    }

    /// The configuration alone.
    pub fn config(&self, run: Option<&RunArgs>) -> Result<Arc<Config>> {
        let config = Config::load(self.flags(run)?)?;
        self.audit.begin(&config);
        self.open_log(&config);
        for warning in self.old_flags().iter().chain(&config.warnings) {
            self.console.warn(warning)?;
        }
        Ok(Arc::new(config))
    }

    /// Flags that were given under their old names.
    fn old_flags(&self) -> Vec<Diagnostic> {
        let renamed = self.flags.renamed.iter().map(|(old, new)| {
            let message = format!("The environment variable `{old}` has been renamed as `{new}`");
            Diagnostic::warning(Code::USAGE, message).event("EnvironmentVariableRenamed")
        });
        let models = self.flags.set.contains("models").then(|| {
            Diagnostic::warning(Code::USAGE, "`--models`, `--model` and `-m` are deprecated")
                .event("ModelParamUsageDeprecation")
                .help("Write `--select` or `-s`.")
        });
        let options = self.flags.values.get("warn_error_options").and_then(Value::as_object);
        let old: Vec<(&str, &str)> = [("include", "error"), ("exclude", "warn")]
            .into_iter()
            .filter(|(key, _)| options.is_some_and(|set| set.contains_key(*key)))
            .collect();
        let options = (!old.is_empty()).then(|| {
            let keys: Vec<String> = old.iter().map(|(key, _)| format!("`{key}`")).collect();
            let message = format!("{} of warn_error_options: deprecated", keys.join(" and "));
            let warning = Diagnostic::warning(Code::USAGE, message);
            old.iter().fold(warning.event("WEOIncludeExcludeDeprecation"), |warning, (old, new)| {
                warning.help(format!("Write `{new}` in place of `{old}`."))
            })
        });
        let reserved = unknown_engine_variables().into_iter().map(|name| {
            let message = format!(
                "The environment variable `{name}` begins with DBT_ENGINE_, which is reserved, and is \
                 none of dbt's"
            );
            Diagnostic::warning(Code::USAGE, message)
                .event("EnvironmentVariableNamespaceDeprecation")
                .field("env_var", name)
                .field("reserved_prefix", "DBT_ENGINE_")
                .help("Give it a name of its own.")
        });
        renamed.chain(models).chain(options).chain(reserved).collect()
    }

    /// The log file: `--log-path`, or `logs` in the project.
    fn open_log(&self, config: &Config) {
        let named = self.global.log.log_path.as_deref().map(|path| config.started_in.join(path));
        let folder = named.unwrap_or_else(|| config.project.root.join(&config.project.log_path));
        self.console.open_log(&folder, self.global.log.log_file_max_bytes);
    }

    /// The whole project, parsed and linked.
    pub fn session(
        &self,
        command: &str,
        selection: &SelectionArgs,
        run: Option<&RunArgs>,
    ) -> std::result::Result<Session, Diagnostics> {
        self.read(self.config(run)?, command, selection)
    }

    /// The same with a configuration that is there already.
    pub fn read(
        &self,
        config: Arc<Config>,
        command: &str,
        selection: &SelectionArgs,
    ) -> std::result::Result<Session, Diagnostics> {
        let invocation = self.invocation(command, selection, &config);
        let selectors = Selectors::new(&config.selectors, indirect(&config)?)?;
        let mut states = States::read(command, &config)?;
        if let Some(warning) = states.warning(&config) {
            self.console.diagnostic(&warning);
        }
        self.tell_vars(&config);
        if !config.flags.all.is_on("partial_parse") {
            let text = "Partial parsing not enabled";
            self.console.event("PartialParsingNotEnabled", Level::Debug, text, || json!({}));
        }
        let files = load::load(&config)?;
        let for_templates = jinja::InvocationInfo {
            invocation_id: self.audit.id().to_string(),
            started_at: invocation.started_at,
            project_name: config.project.name.clone(),
            flags: Value::Object(self.flags.shown(&config)),
            refuses_warnings: self.console.warnings().refuses(WARNING_OF_TEMPLATE),
            args: Value::Object(invocation.args.clone()),
            steps: self.global.template_steps,
            runtime: config.runtime(&invocation.args),
        };
        let parsed = parse::parse(&config, &files, &for_templates)?;
        for (kind, text) in &parsed.said {
            hear(&self.console, *kind, text);
        }
        for warning in &parsed.warnings {
            self.console.warn(warning)?;
        }
        let graph = Graph::build(&parsed.manifest)?;
        let engines = match command {
            // It looks at the databases only where the project does not say.
            "check" => Engines::new(&config.target.for_reading(), Vec::new()),
            _ => Engines::new(&config.target, engines_in_place(&parsed.manifest, &config)),
        };
        let console = self.console.clone();
        let to = console.clone();
        engines.listen(move |kind, text| hear(&to, kind, text));
        let found = report::found(&parsed.manifest);
        let mut compiler = Compiler::new(config.clone(), parsed, Arc::new(engines.clone()))?;
        compiler.set_manifest_values(ManifestValues {
            graph: artifacts::flat_graph,
            node: artifacts::node_value,
            metric: artifacts::metric_value,
        });
        if let Some(deferral) = states.deferral.take() {
            compiler.set_deferral(deferral);
        }
        columns::inherit(&mut compiler, &graph, command);
        if console.hears(Level::Debug) {
            let (to, manifest) = (console.clone(), compiler.manifest.clone());
            engines.hear(move |said| report::spoken(&to, &manifest, said));
        }
        console.event(
            "FoundStats",
            Level::Info,
            &format!("Found {found}"),
            || json!({"stat_line": found}),
        );
        let only = self.only.cloned();
        Ok(Session {
            selectors,
            states,
            config,
            compiler,
            graph,
            engines,
            invocation,
            console,
            audit: self.audit.clone(),
            only,
        })
    }

    /// dbt's event of what its partial parse depends on.
    fn tell_vars(&self, config: &Config) {
        let vars = &config.flags.vars;
        let shown = jinja::values::py_str(&jinja::values::from_json(&Value::Object(vars.clone())));
        let (profile, target) = (config.flags.profile.as_deref(), config.flags.target.as_deref());
        let parts = [&*shown, profile.unwrap_or_default(), target.unwrap_or_default(), DBT_VERSION];
        let checksum = checksum::sha256(parts.join("\0"));
        let shown = Secrets::of_vars(vars).hide(&shown);
        let said = |text: Option<&str>| text.unwrap_or("None").to_owned();
        let text = format!(
            "checksum: {checksum}, vars: {shown}, profile: {}, target: {}, version: {DBT_VERSION}",
            said(profile),
            said(target)
        );
        self.console.event("StateCheckVarsHash", Level::Debug, &text, || {
            json!({
                "checksum": checksum, "vars": shown, "profile": profile, "target": target,
                "version": DBT_VERSION,
            })
        });
    }

    /// What is known of this invocation before the project is read.
    pub fn invocation(
        &self,
        command: &str,
        selection: &SelectionArgs,
        config: &Config,
    ) -> InvocationInfo {
        let mut words = Vec::new();
        if !selection.select.is_empty() {
            words.push(format!("--select {}", selection.select.join(" ")));
        }
        if !selection.exclude.is_empty() {
            words.push(format!("--exclude {}", selection.exclude.join(" ")));
        }
        let git = git_head(&config.project.root);
        let mut args = self.flags.args(config);
        args.values_mut().for_each(scrub_json);
        InvocationInfo {
            invocation_id: self.audit.id(),
            command: command.to_owned(),
            started_at: clock::now(),
            selection: words.join(" "),
            target: config.target.name.clone(),
            profile: config.target.profile.clone(),
            project: config.project.name.clone(),
            git_commit: git.0,
            git_branch: git.1,
            user: audit::os_user(),
            host: audit::host(),
            pid: std::process::id(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            args,
        }
    }
}

impl Session {
    /// The nodes of a selection, without sources and exposures.
    pub fn nodes_of(&self, selected: &Selected) -> Vec<&Node> {
        let manifest = &self.compiler.manifest;
        let member = |index: &NodeIndex| self.graph.member(manifest, *index).node();
        selected.nodes.iter().filter_map(member).collect()
    }

    /// Writes target/manifest.json and target/semantic_manifest.json as parsing has them.
    pub fn write_manifest(&self) -> Result<()> {
        self.write_manifest_with(&|_| None, &|_| false)
    }

    /// The same with the results of nodes, some of them only compiled, and with those that ran.
    pub fn write_manifest_with<'a>(
        &'a self,
        compiled: &'a (dyn Fn(&str) -> Option<&'a RunResult> + Sync),
        ran: &'a (dyn Fn(&str) -> bool + Sync),
    ) -> Result<()> {
        let folder = &self.config.target_path;
        artifacts::write_semantic_manifest(
            &folder.join("semantic_manifest.json"),
            &self.compiler.manifest,
        )?;
        let path = folder.join("manifest.json");
        artifacts::write_manifest(&path, &self.manifest_inputs(compiled, ran))
    }

    /// Writes target/graph_summary.json.
    pub fn write_graph_summary(&self) -> Result<()> {
        let path = self.config.target_path.join("graph_summary.json");
        let id = self.invocation.invocation_id.to_string();
        artifacts::write_graph_summary(&path, &self.compiler.manifest, &self.graph, &id)
    }

    /// The text of manifest.json before anything is compiled.
    pub fn manifest_text(&self) -> Result<Vec<u8>> {
        let mut out = Vec::new();
        artifacts::manifest_to(&mut out, &self.manifest_inputs(&|_| None, &|_| false)).map_err(
            |error| {
                Box::new(
                    Diagnostic::error(Code::INTERNAL, "The manifest cannot be written")
                        .note(error.to_string()),
                )
            },
        )?;
        Ok(out)
    }

    fn manifest_inputs<'a>(
        &'a self,
        compiled: &'a (dyn Fn(&str) -> Option<&'a RunResult> + Sync),
        ran: &'a (dyn Fn(&str) -> bool + Sync),
    ) -> ManifestInputs<'a> {
        let target = &self.config.target;
        let default_engine = &target.engines[&target.default_engine];
        ManifestInputs {
            manifest: &self.compiler.manifest,
            graph: &self.graph,
            invocation: &self.invocation,
            adapter_type: default_engine.kind().as_str(),
            generated_at: Timestamp::now(),
            quoting: Quoting::default().with(&self.config.project.quoting),
            target_path: &self.config.project.target_path,
            selectors: self.selectors.listed(),
            compiled,
            compiler: Some(&self.compiler),
            ran,
            registry: self.compiler.dialects.registry(),
        }
    }

    /// Gives the manifest's memory back with the process: freeing a large one takes longer than
    /// the rest of the command's end.
    pub fn leave(self) {
        std::mem::forget((self.compiler.manifest.clone(), self.graph));
    }
}

/// The PostgreSQL engines that any DuckDB node reads.
fn engines_in_place(manifest: &Manifest, config: &Config) -> Vec<Arc<str>> {
    let mut found: Vec<Arc<str>> = Vec::new();
    for node in manifest.nodes.values() {
        for (engine, _) in read_in_place(node, manifest, &config.target) {
            if !found.contains(&engine) {
                found.push(engine);
            }
        }
    }
    found
}

/// A map that was given as YAML on the command line.
///
/// # Errors
/// `BAD_YAML`, or `USAGE` where it is no map.
pub(super) fn yaml_map(flag: &str, text: Option<&str>) -> Result<Map<String, Value>> {
    let Some(text) = text else { return Ok(Map::new()) };
    let file = SourceFile::new(PathBuf::from(flag), text);
    match yaml::parse(&file)?.root.to_json() {
        Value::Object(map) => Ok(map),
        Value::Null => Ok(Map::new()),
        _ => Err(Box::new(
            Diagnostic::error(Code::USAGE, format!("{flag} takes a map, but got `{text}`"))
                .help(format!("Write {flag} '{{name: value}}'.")),
        )),
    }
}

/// A line of a template.
fn hear(to: &Console, kind: Message, text: &str) {
    match kind {
        Message::Print => to.print_of_template(text),
        Message::Info => to.event("JinjaLogInfo", Level::Info, text, || json!({"msg": text})),
        Message::Warning if to.warnings().silences(WARNING_OF_TEMPLATE) => {}
        Message::Warning => {
            to.event(WARNING_OF_TEMPLATE, Level::Warn, text, || json!({"msg": text}))
        }
        Message::Debug => to.event("JinjaLogDebug", Level::Debug, text, || json!({"msg": text})),
    }
}

/// `--empty`, `--sample` and the span of event time.
///
/// # Errors
/// `USAGE`, `BAD_YAML`
fn row_flags(flags: &FlagValues) -> Result<RowFlags> {
    let sample = match flags.text("sample") {
        Some(text) if text.trim_start().starts_with('{') => {
            Some(Sample::Between(yaml_map("--sample", Some(text))?))
        }
        Some(text) => Some(Sample::Ago(text.to_owned())),
        None => None,
    };
    let (start, end) = (flags.text("event_time_start"), flags.text("event_time_end"));
    RowFlags::read(flags.is_on("empty"), sample.as_ref(), start, end)
}

/// Commit and branch of the repository that a folder lies in, read from its files.
fn git_head(folder: &std::path::Path) -> (Option<String>, Option<String>) {
    let Some(git) = folder.ancestors().map(|dir| dir.join(".git")).find(|git| git.exists()) else {
        return (None, None);
    };
    // In a worktree `.git` is a file that names the folder.
    let git = match std::fs::read_to_string(&git) {
        Ok(text) => match text.trim().strip_prefix("gitdir: ") {
            Some(path) => git.parent().unwrap_or(folder).join(path),
            None => git,
        },
        Err(_) => git,
    };
    let Ok(head) = std::fs::read_to_string(git.join("HEAD")) else { return (None, None) };
    let Some(reference) = head.trim().strip_prefix("ref: ") else {
        return (Some(head.trim().to_owned()), None);
    };
    let branch = reference.strip_prefix("refs/heads/").map(str::to_owned);
    let shared = std::fs::read_to_string(git.join("commondir"))
        .map_or_else(|_| git.clone(), |common| git.join(common.trim()));
    let loose = std::fs::read_to_string(shared.join(reference)).ok();
    let commit = loose.map(|text| text.trim().to_owned()).or_else(|| {
        let packed = std::fs::read_to_string(shared.join("packed-refs")).ok()?;
        let line = packed.lines().find(|line| line.ends_with(reference))?;
        line.split_whitespace().next().map(str::to_owned)
    });
    (commit, branch)
}
