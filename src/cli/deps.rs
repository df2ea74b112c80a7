//! `deps`: install the packages that packages.yml asks for. Needs no profile.

use serde_json::json;

use super::args::DepsArgs;
use super::session::Start;
use super::{Exit, Outcome};
use crate::config::{Basics, YamlRenderer};
use crate::deps::{self, DepsOptions, Progress};
use crate::diagnostic::{Code, Diagnostic};
use crate::report::Level;

pub(super) fn command(start: &Start, args: &DepsArgs) -> Outcome {
    let flags = start.flags(None)?;
    let basics = Basics::load(&flags)?;
    let renderer = YamlRenderer::new(flags.vars.clone(), None).with_secrets();
    let console = &start.console;
    if let Some(package) = &args.add_package {
        if !["hub", "git", "local"].contains(&args.source.as_str()) {
            return Err(Diagnostic::error(
                Code::USAGE,
                format!("`{}` is no source of packages", args.source),
            )
            .help("It is hub, git or local.")
            .into());
        }
        let (name, version) = match package.split('@').collect::<Vec<_>>().as_slice() {
            [name, version] => ((*name).to_owned(), Some((*version).to_owned())),
            _ => (package.clone(), None),
        };
        for old in deps::add_package(&basics, &name, version.as_deref(), &args.source)? {
            console.info(&format!("Removed {old}, which the new package replaces"));
        }
        console.info(&format!("Added {package}"));
    }
    let options = DepsOptions {
        lock_only: args.lock,
        upgrade: args.upgrade,
        version_check: !flags.no_version_check,
    };
    deps::install(&basics, &renderer, &options, &mut |progress| match progress {
        Progress::Nothing => console.info("There are no packages to install"),
        Progress::Locked(path) => console.info(&format!("Wrote {}", path.display())),
        Progress::Installed { name, from } => {
            let text = format!("Installing {name}");
            let data = || json!({"package_name": name});
            console.event("DepsStartPackageInstall", Level::Info, &text, data);
            let text = format!("Installed from {from}");
            console.event("DepsInstallInfo", Level::Info, &text, || json!({"version_name": from}));
        }
        Progress::Newer { name, latest } => {
            console.info(&format!("There is a newer version of {name}: {latest}"));
        }
        Progress::Warning(warning) => console.diagnostic(warning),
    })?;
    Ok(Exit::Done)
}
