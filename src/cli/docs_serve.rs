//! `docs serve`: the site on this machine. When a file of the project changes, `docs generate` runs as a
//! process of its own and open pages load themselves again.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use super::args::DocsServeArgs;
use super::session::Start;
use super::{Exit, Outcome};
use crate::config::Config;
use crate::docs::{Reload, Server};

/// How often files are looked at.
const PAUSE: Duration = Duration::from_millis(700);

/// Serves the target folder until it is interrupted.
pub(super) fn command(start: &Start, args: &DocsServeArgs) -> Outcome {
    let config = start.config(None)?;
    let server = Server::bind(&args.host, args.port)?;
    let again = Again { config: config.clone(), reload: server.reload() };
    if !config.target_path.join("index.html").is_file() && !again.generate() {
        return Ok(Exit::CouldNotRun);
    }
    let url = format!("http://{}", server.address());
    start.console.info(&format!("Serving the documentation at {url} until Ctrl-C"));
    if !args.no_watch {
        // It ends with the process.
        std::thread::spawn(move || again.watch());
    }
    if !args.no_browser && std::io::stdout().is_terminal() {
        open_browser(&url);
    }
    server.run(&config.target_path)?;
    Ok(Exit::Done)
}

/// Makes the site anew.
struct Again {
    config: std::sync::Arc<Config>,
    reload: Reload,
}

impl Again {
    /// Whether that went well; what went wrong has been printed.
    fn generate(&self) -> bool {
        let Ok(program) = std::env::current_exe() else { return false };
        let mut command = Command::new(program);
        command.args(generate_args(std::env::args_os().skip(1))).stdin(Stdio::null());
        command.current_dir(&self.config.started_in);
        command.status().is_ok_and(|status| status.success())
    }

    fn watch(&self) {
        let mut seen = self.files();
        loop {
            std::thread::sleep(PAUSE);
            let now = self.files();
            if now != seen {
                seen = now;
                if self.generate() {
                    self.reload.now();
                }
            }
        }
    }

    /// The files of the project with what tells that they changed.
    fn files(&self) -> BTreeMap<PathBuf, (u64, Option<SystemTime>)> {
        let project = &self.config.project;
        let lists = [
            &project.model_paths,
            &project.seed_paths,
            &project.test_paths,
            &project.macro_paths,
            &project.analysis_paths,
            &project.snapshot_paths,
            &project.function_paths,
            &project.docs_paths,
            &project.asset_paths,
        ];
        let folders = lists.into_iter().flatten().map(|path| project.root.join(path));
        let single = ["dbt_project.yml", "packages.yml", "selectors.yml"];
        let single = single.map(|name| project.root.join(name));
        let profiles = self.config.profiles_dir.join("profiles.yml");
        let is_own = |path: &Path| !path.starts_with(&self.config.target_path);
        folders
            .chain(single)
            .chain([profiles])
            .flat_map(|path| walkdir::WalkDir::new(path).into_iter().flatten())
            .filter(|entry| entry.file_type().is_file() && is_own(entry.path()))
            .filter_map(|entry| {
                let data = entry.metadata().ok()?;
                Some((entry.into_path(), (data.len(), data.modified().ok())))
            })
            .collect()
    }
}

/// The command line of `docs serve` as one of `docs generate`: without what only serving knows.
fn generate_args(args: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut found: Vec<OsString> = Vec::new();
    let mut args = args;
    while let Some(arg) = args.next() {
        match arg.to_str() {
            Some("serve") if found.last().is_some_and(|last| last == "docs") => {
                found.push("generate".into());
            }
            Some("--host" | "--port") => {
                args.next();
            }
            Some("--browser" | "--no-browser" | "--no-watch") => {}
            Some(text) if text.starts_with("--host=") || text.starts_with("--port=") => {}
            _ => found.push(arg),
        }
    }
    found
}

/// Opens the user's browser; where there is none, the address has been printed.
fn open_browser(url: &str) {
    let program = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let quiet = || Stdio::null();
    let _ = Command::new(program).arg(url).stdin(quiet()).stdout(quiet()).stderr(quiet()).spawn();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_serving_knows_is_left_out() {
        let args = |text: &str| text.split(' ').map(OsString::from).collect::<Vec<_>>();
        let served =
            args("--project-dir serve docs serve --port 9000 --host=::1 --no-watch --target x");
        assert_eq!(
            generate_args(served.into_iter()),
            args("--project-dir serve docs generate --target x")
        );
    }
}
