//! Who is told of runs that went wrong.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread::JoinHandle;

use serde_json::Value;

use super::support::project::{On, Project};

/// Answers requests with the given statuses, one after the other, and ends; gives what they said.
fn receiver(statuses: &'static [u16]) -> (String, JoinHandle<Vec<Value>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook/token-of-the-team", listener.local_addr().unwrap());
    let take = move || {
        statuses.iter().map(|status| answer(&listener.accept().unwrap().0, *status)).collect()
    };
    (url, std::thread::spawn(take))
}

fn answer(stream: &TcpStream, status: u16) -> Value {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    let mut line = String::new();
    while reader.read_line(&mut line).unwrap() > 2 {
        if let Some(given) = line.to_lowercase().strip_prefix("content-length:") {
            length = given.trim().parse().unwrap();
        }
        line.clear();
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let mut stream = stream;
    write!(stream, "HTTP/1.1 {status} -\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        .unwrap();
    serde_json::from_slice(&body).unwrap()
}

fn shop(on: On, alerts: &str, files: &[(&str, &str)]) -> Project {
    let project = Project::new(on, files);
    let settings = project.read("dbt_project.yml");
    project.file("dbt_project.yml", &format!("{settings}\nalerts:\n{alerts}\n"));
    project
}

const BROKEN: (&str, &str) = ("models/b.sql", "select * from {{ ref('a') }} where nothing = 1");
const WHOLE: (&str, &str) = ("models/a.sql", "select 1 as id union all select 1");

#[test]
fn a_failure_is_told_until_the_webhook_takes_it() {
    let alerts = "- {name: team, webhook: \"{{ env_var('DBT_ENV_SECRET_HOOK', '') }}\"}\n\
                  - {name: other, webhook: 'http://127.0.0.1:1/', targets: [elsewhere]}";
    let mut project = shop(On::DuckDb, alerts, &[WHOLE, BROKEN]);
    // Without an address there is no alert.
    assert!(!project.fails(1, &["build"]).text().contains("alert"));

    let (url, said) = receiver(&[503, 200]);
    project.env("DBT_ENV_SECRET_HOOK", &url);
    let ran = project.fails(1, &["build"]).text();
    assert!(!ran.contains("token-of-the-team") && !ran.contains("PT702"), "{ran}");
    let said = said.join().unwrap();
    assert_eq!(said[0], said[1]);
    let message = &said[0];
    assert_eq!(message["text"], "shop: `build` on duck: failed: 1 of 2 (b)");
    assert_eq!(message["reasons"], serde_json::json!(["failure"]));
    assert_eq!(message["status"], "failed");
    assert_eq!(message["counts"]["passed"], 1);
    assert_eq!(message["failed"][0]["unique_id"], "model.shop.b");
    assert_eq!(message["failed"][0]["file"], "models/b.sql");
    assert!(message["failed"][0]["message"].as_str().unwrap().contains("nothing"));

    // A project that cannot be read is a failure as well; a run that is well is none.
    let (url, said) = receiver(&[200]);
    project.env("DBT_ENV_SECRET_HOOK", &url);
    project.ok(&["build", "-s", "a"]);
    project.file("models/c.sql", "select * from {{ ref('nowhere') }}");
    project.fails(2, &["build"]);
    let message = &said.join().unwrap()[0];
    assert_eq!(message["status"], "error");
    assert!(message["message"].as_str().unwrap().contains("nowhere"), "{message}");
}

/// Where nothing is built, since the check found a mistake.
#[test]
fn a_build_that_the_check_stops_is_told() {
    let (url, said) = receiver(&[200]);
    let alerts = format!("- {{name: team, webhook: '{url}'}}");
    let project = shop(On::DuckDb, &alerts, &[WHOLE, BROKEN]);
    project.fails(1, &["build", "--check"]);
    let message = &said.join().unwrap()[0];
    assert_eq!(message["status"], "error");
    assert_eq!(
        message["message"],
        "1 mistake found before anything ran: There is no column `nothing` in what this query reads"
    );
    assert!(!project.duckdb_path().exists());
}

#[test]
fn what_does_not_get_through_is_told_by_the_next_run() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let alerts = format!("- {{name: team, webhook: 'http://{address}/hook/secret-part'}}");
    let project = shop(On::DuckDb, &alerts, &[WHOLE, BROKEN]);
    let ran = project.fails(1, &["build"]).text();
    assert!(ran.contains("[PT702]: The alert `team` did not get through"), "{ran}");
    assert!(!ran.contains("secret-part"), "{ran}");
    let kept = || std::fs::read_dir(project.path().join(".pintail/alerts")).unwrap().count();
    assert_eq!(kept(), 1);

    let listener = TcpListener::bind(address).unwrap();
    let said = std::thread::spawn(move || answer(&listener.accept().unwrap().0, 200));
    project.ok(&["build", "-s", "a"]);
    assert_eq!(said.join().unwrap()["failed"][0]["name"], "b");
    assert_eq!(kept(), 0);

    // An address that refuses for good is not asked again.
    let (url, said) = receiver(&[404]);
    let settings = project.read("dbt_project.yml");
    let settings = settings.replace(&format!("http://{address}/hook/secret-part"), &url);
    project.file("dbt_project.yml", &settings);
    let ran = project.fails(1, &["build"]).text();
    assert!(ran.contains("HTTP status 404") && !ran.contains("tries again"), "{ran}");
    said.join().unwrap();
    assert_eq!(kept(), 0);
}

#[test]
fn scores_and_slow_runs_are_told_to_programs() {
    let alerts = "- {name: quality, score_below: 60, command: 'cat > quality.json'}\n\
                  - {name: fine, score_below: 50, command: 'cat > fine.json'}\n\
                  - {name: slow, longer_than: 20ms, command: [tee, slow.json]}\n\
                  - {name: broken, score_below: 60, command: 'echo oh no; exit 3'}";
    let project = shop(
        On::DuckDb,
        alerts,
        &[
            WHOLE,
            (
                "models/a.yml",
                "models: [{name: a, columns: [{name: id, data_tests: [not_null, {unique: {config: {severity: warn}}}, {accepted_values: {arguments: {values: [2]}}}]}]}]",
            ),
            // Takes a while, whatever the machine.
            (
                "models/long.sql",
                "select count(*) as n from range(12000) as a, range(12000) as b where a.range % 7 = b.range % 11",
            ),
            (
                "dbt_project.yml",
                "name: shop\nprofile: shop\nmodels: {+materialized: table}\nflags: {send_anonymous_usage_stats: false}\n",
            ),
        ],
    );
    let ran = project.fails(1, &["build"]).text();
    let message = |name: &str| -> Value { serde_json::from_str(&project.read(name)).unwrap() };
    // A pass of weight two, a warning of weight one, a failure of weight two.
    let quality = message("quality.json");
    assert_eq!(quality["text"], "shop: `build` on duck: tests score 50.0, under 60");
    assert_eq!(quality["score"], 50.0);
    assert!(!project.path().join("fine.json").exists());
    // While it runs, and not once more at its end.
    assert_eq!(message("slow.json")["status"], "running");
    assert!(ran.contains("The alert `broken` did not get through"), "{ran}");
    assert!(ran.contains("sh ended with exit status: 3."), "{ran}");
}
