//! `init`: a new project with a small example, and a profile for it; inside a project, the profile
//! alone. Asks for what the command line does not say; never overwrites what is there unasked.

use std::io::{BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::args::InitArgs;
use super::session::Start;
use super::{Exit, Outcome};
use crate::config::yaml;
use crate::diagnostic::{Code, Diagnostic, Result, SourceFile};

/// The files of a new project: their paths and texts. `{name}` and `{profile}` are filled in.
const STARTER: &[(&str, &str)] = &[
    ("dbt_project.yml", include_str!("starter/dbt_project.yml")),
    ("README.md", include_str!("starter/README.md")),
    (".gitignore", "target/\ndbt_packages/\nlogs/\n.pintail/\n"),
    ("models/example/my_first_dbt_model.sql", include_str!("starter/first.sql")),
    ("models/example/my_second_dbt_model.sql", include_str!("starter/second.sql")),
    ("models/example/schema.yml", include_str!("starter/schema.yml")),
    ("analyses/.gitkeep", ""),
    ("macros/.gitkeep", ""),
    ("seeds/.gitkeep", ""),
    ("snapshots/.gitkeep", ""),
    ("tests/.gitkeep", ""),
];

/// Makes a project.
pub(super) fn command(start: &Start, args: &InitArgs) -> Outcome {
    let here = std::env::current_dir().map_err(|error| unwritable(Path::new("."), &error))?;
    let place = start.global.project_dir.as_ref().map_or(here.clone(), |dir| here.join(dir));
    let inside = place.ancestors().find(|dir| dir.join("dbt_project.yml").exists());
    let profiles = profiles_file(start)?;
    match inside {
        Some(root) => in_project(start, args, root, &profiles),
        None => new_project(start, args, &here, &profiles),
    }
}

fn in_project(start: &Start, args: &InitArgs, root: &Path, profiles: &Path) -> Outcome {
    if start.global.profile.is_some() {
        return Err(usage(
            "Can not init existing project with specified profile, edit dbt_project.yml instead",
        )
        .into());
    }
    if !args.skip_profile_setup {
        let path = root.join("dbt_project.yml");
        let text = std::fs::read_to_string(&path).map_err(|error| unwritable(&path, &error))?;
        let project = yaml::parse(&SourceFile::new(path, text))?.root.to_json();
        let name = project["profile"].as_str().unwrap_or("default");
        set_up_profile(start, name, Some(root), profiles)?;
    }
    Ok(Exit::Done)
}

fn new_project(start: &Start, args: &InitArgs, here: &Path, profiles: &Path) -> Outcome {
    let mut name = args.project_name.clone().unwrap_or_default();
    while !is_name(&name) {
        if !name.is_empty() {
            start.console.info(&format!("{name} is not a valid project name."));
        }
        name = ask("Enter a name for your project (letters, digits, underscore)", None)?;
    }
    let folder = here.join(&name);
    if folder.exists() {
        start.console.info(&format!("A project called {name} already exists here."));
        return Ok(Exit::Done);
    }
    let chosen = start.global.profile.as_deref();
    if let Some(profile) = chosen
        && !profile_names(profiles).iter().any(|known| known == profile)
    {
        return Err(usage(&format!("Could not find profile named '{profile}'")).into());
    }
    let profile = chosen.unwrap_or(&name);
    for (path, text) in STARTER {
        let path = folder.join(path);
        let text = text.replace("{name}", &name).replace("{profile}", profile);
        write(&path, &text)?;
    }
    start.console.info(&format!(
        "Your new project \"{name}\" was created in {}.\nNext: cd {name}, look at profiles.yml, then run `pintail build`.",
        folder.display()
    ));
    if chosen.is_none() && !args.skip_profile_setup {
        set_up_profile(start, &name, None, profiles)?;
    }
    Ok(Exit::Done)
}

/// dbt's rule for names of projects.
fn is_name(name: &str) -> bool {
    let mut letters = name.chars();
    letters.next().is_some_and(|first| first.is_alphabetic() || first == '_')
        && letters.all(|letter| letter.is_alphanumeric() || letter == '_')
}

/// The profiles.yml that a profile is written to; its folder is made.
fn profiles_file(start: &Start) -> Result<PathBuf> {
    let named = start.global.profiles_dir.clone().or_else(|| {
        std::env::var_os("DBT_PROFILES_DIR").filter(|dir| !dir.is_empty()).map(PathBuf::from)
    });
    let here = Path::new("profiles.yml");
    let folder = match named {
        Some(folder) => folder,
        None if here.exists() => PathBuf::from("."),
        None => std::env::home_dir().unwrap_or_default().join(".dbt"),
    };
    std::fs::create_dir_all(&folder).map_err(|error| unwritable(&folder, &error))?;
    Ok(folder.join("profiles.yml"))
}

fn profile_names(path: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let Ok(document) = yaml::parse(&SourceFile::new(path, text)) else { return Vec::new() };
    document.root.entries().iter().map(|(key, _)| key.text.clone()).collect()
}

/// Asks for a connection and writes it as a profile.
fn set_up_profile(start: &Start, name: &str, root: Option<&Path>, path: &Path) -> Result<()> {
    start.console.info("Setting up your profile.");
    let exists = profile_names(path).iter().any(|known| known == name);
    if exists {
        let question = format!(
            "The profile {name} already exists in {}. Continue and overwrite it? [y/N]",
            path.display()
        );
        if !matches!(ask(&question, Some("n"))?.to_lowercase().as_str(), "y" | "yes") {
            return Ok(());
        }
    }
    let template = root.map(|root| root.join("profile_template.yml")).filter(|path| path.exists());
    let (target, output) = match template {
        Some(template) => from_template(&template)?,
        None => ("dev".to_owned(), from_questions()?),
    };
    let mut text = std::fs::read_to_string(path).unwrap_or_default();
    if exists {
        text = without_section(&text, name);
    }
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text.push_str(&format!("{name}:\n  target: {target}\n  outputs:\n    {target}:\n"));
    for (key, value) in &output {
        text.push_str(&format!("      {key}: {value}\n"));
    }
    write(path, &text)?;
    start.console.info(&format!("Profile {name} written to {}.", path.display()));
    Ok(())
}

/// A file without one of its top-level keys.
fn without_section(text: &str, name: &str) -> String {
    let mut inside = false;
    let kept = text.split_inclusive('\n').filter(|line| {
        let top = line.starts_with(|c: char| !c.is_whitespace() && c != '#');
        if top {
            let key = line.split(':').next().unwrap_or_default().trim_matches(['"', '\'']);
            inside = key == name;
        }
        !inside
    });
    kept.collect()
}

type Output = Vec<(String, Value)>;

/// The connection, asked for.
fn from_questions() -> Result<Output> {
    let which = ask(
        "Which database would you like to use?\n[1] duckdb\n[2] postgres\nEnter a number",
        None,
    )?;
    let text = |key: &str, value: String| (key.to_owned(), Value::from(value));
    let number = |key: &str, value: String| {
        let value = value.parse::<u32>().map_or_else(|_| Value::from(value), Value::from);
        (key.to_owned(), value)
    };
    match which.as_str() {
        "1" | "duckdb" => Ok(vec![
            text("type", "duckdb".into()),
            text("path", ask("path (file of the database)", Some("dev.duckdb"))?),
            number("threads", ask("threads (1 or more)", Some("4"))?),
        ]),
        "2" | "postgres" => Ok(vec![
            text("type", "postgres".into()),
            text("host", ask("host (hostname for the instance)", Some("localhost"))?),
            number("port", ask("port", Some("5432"))?),
            text("user", ask("user (dev username)", None)?),
            text("pass", ask("pass (dev password)", Some(""))?),
            text("dbname", ask("dbname (default database to build objects in)", None)?),
            text("schema", ask("schema (default schema to build objects in)", None)?),
            number("threads", ask("threads (1 or more)", Some("4"))?),
        ]),
        other => Err(Box::new(usage(&format!("`{other}` is not one of them")))),
    }
}

/// The connection that a project's profile_template.yml describes: what is fixed, and what to ask.
fn from_template(path: &Path) -> Result<(String, Output)> {
    let text = std::fs::read_to_string(path).map_err(|error| unwritable(path, &error))?;
    let template = yaml::parse(&SourceFile::new(path, text))?.root.to_json();
    let mut output = Output::new();
    for (key, value) in template["fixed"].as_object().into_iter().flatten() {
        output.push((key.clone(), value.clone()));
    }
    questions_of(&template["prompts"], &mut output)?;
    let at = output.iter().position(|(key, _)| key == "target");
    let target = at.map(|at| output.remove(at).1);
    let target = target.and_then(|value| value.as_str().map(str::to_owned));
    Ok((target.unwrap_or_else(|| "dev".to_owned()), output))
}

fn questions_of(prompts: &Value, output: &mut Output) -> Result<()> {
    for (key, prompt) in prompts.as_object().into_iter().flatten() {
        if let Some(kind) = key.strip_prefix("_choose_") {
            let options: Vec<&String> =
                prompt.as_object().into_iter().flatten().map(|o| o.0).collect();
            let list: Vec<String> = options
                .iter()
                .enumerate()
                .map(|(at, name)| format!("[{}] {name}", at + 1))
                .collect();
            let kind = kind.replace('_', " ");
            let question = format!("{}\nDesired {kind} option (enter a number)", list.join("\n"));
            let choice = ask(&question, None)?.parse::<usize>().unwrap_or_default();
            if let Some(name) = choice.checked_sub(1).and_then(|at| options.get(at)) {
                questions_of(&prompt[name.as_str()], output)?;
            }
        } else if let Some(name) = key.strip_prefix("_fixed_") {
            output.push((name.to_owned(), prompt.clone()));
        } else {
            let hint = prompt["hint"].as_str().map_or(String::new(), |hint| format!(" ({hint})"));
            let default = match &prompt["default"] {
                Value::Null => None,
                Value::String(text) => Some(text.clone()),
                other => Some(other.to_string()),
            };
            let answer = ask(&format!("{key}{hint}"), default.as_deref())?;
            let value = match prompt["type"].as_str() {
                Some("int" | "float" | "bool") => {
                    serde_json::from_str(&answer).unwrap_or(Value::from(answer))
                }
                _ => Value::from(answer),
            };
            output.push((key.clone(), value));
        }
    }
    Ok(())
}

/// One answer from whoever sits at stdin.
fn ask(question: &str, default: Option<&str>) -> Result<String> {
    let shown = default.filter(|d| !d.is_empty()).map_or(String::new(), |d| format!(" [{d}]"));
    let mut out = std::io::stdout().lock();
    let _closed = write!(out, "{question}{shown}: ").and_then(|()| out.flush());
    let mut line = String::new();
    let read = std::io::stdin().lock().read_line(&mut line);
    if !matches!(read, Ok(1..)) {
        let aside = if std::io::stdin().is_terminal() { "" } else { " (stdin is not a terminal)" };
        let what = format!("There was no answer to `{question}`{aside}");
        return Err(Box::new(
            usage(&what).help("Name the project, and pass --skip-profile-setup or --profile."),
        ));
    }
    let answer = line.trim();
    match (answer, default) {
        ("", Some(default)) => Ok(default.to_owned()),
        ("", None) => ask(question, default),
        _ => Ok(answer.to_owned()),
    }
}

fn usage(what: &str) -> Diagnostic {
    Diagnostic::error(Code::USAGE, what)
}

fn unwritable(path: &Path, error: &std::io::Error) -> Box<Diagnostic> {
    Box::new(Diagnostic::unwritable(path, error).help("Check the folder's permissions."))
}

fn write(path: &Path, text: &str) -> Result<()> {
    let made = path.parent().map_or(Ok(()), std::fs::create_dir_all);
    made.and_then(|()| std::fs::write(path, text)).map_err(|error| unwritable(path, &error))
}
