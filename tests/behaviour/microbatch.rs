//! Microbatch models, samples and empty runs: which rows come where.

use super::sorted;
use super::support::project::{On, Project};

const EVENTS: &str = "{{ config(materialized='table', event_time='moment') }}
select 1 as id, cast('2025-01-01 10:00:00' as timestamp) as moment
union all select 2, cast('2025-01-02 00:00:00' as timestamp)
union all select 3, cast('2025-01-03 23:59:59' as timestamp)
union all select 4, cast('2025-01-04 00:00:00' as timestamp)";

fn project(model: &str, extra: &str) -> [Project; 2] {
    let model = format!(
        "{{{{ config(materialized='incremental', incremental_strategy='microbatch', event_time='moment',
            begin='2025-01-01', batch_size='day', \
            unique_key=('id' if target.type == 'postgres' else none){extra}) }}}}\n{model}"
    );
    Project::on_each(&[("models/events.sql", EVENTS), ("models/m.sql", &model)])
}

const SPAN: [&str; 5] =
    ["run", "--event-time-start", "2025-01-01", "--event-time-end", "2025-01-04"];

fn ids(project: &Project, table: &str) -> Vec<String> {
    let rows = sorted(project, table).into_iter();
    rows.map(|row| row.split('|').next().unwrap_or_default().to_owned()).collect()
}

#[test]
fn each_batch_reads_and_replaces_its_own_rows() {
    let model =
        "select id, moment, '{{ model.batch.id if model.batch }}' as batch from {{ ref('events') }}
        {# what is rendered by hand is read whole #}
        where (select count(*) from {{ ref('events').render() }}) = 4";
    for project in project(model, "") {
        project.ok(&SPAN);
        let batches: Vec<String> = sorted(&project, "m")
            .into_iter()
            .map(|row| row.rsplit('|').next().unwrap_or_default().to_owned())
            .collect();
        assert_eq!(batches, ["20250101", "20250102", "20250103"]);
        let folder = project.path().join("target/compiled/shop/models/m");
        assert!(folder.join("m_2025-01-02.sql").exists());

        // The next run goes on from there; what it does not reach stays.
        project.ok(&[
            "run",
            "-s",
            "m",
            "--event-time-start",
            "2025-01-03",
            "--event-time-end",
            "2025-01-05",
        ]);
        assert_eq!(ids(&project, "m"), ["1", "2", "3", "4"]);
    }
}

/// With `--full-refresh` no batch calls itself incremental, though all but the first are added.
#[test]
fn templates_of_a_full_refresh_are_not_incremental() {
    let model =
        "select id, moment, {{ 1 if is_incremental() else 0 }} as again from {{ ref('events') }}";
    let again = |project: &Project| project.lines("select again from m order by id");
    for project in project(model, "") {
        project.ok(&SPAN);
        assert_eq!(again(&project), ["0", "1", "1"]);
        project.ok(&[&SPAN[..], &["--full-refresh"]].concat());
        assert_eq!(again(&project), ["0", "0", "0"]);
        project.ok(&SPAN);
        assert_eq!(again(&project), ["1", "1", "1"]);
    }
}

#[test]
fn a_batch_that_fails_leaves_the_others() {
    let model =
        "select id, moment {{ ', no_such_column' if model.batch and model.batch.id == '20250102' }}
        from {{ ref('events') }}";
    for project in project(model, "") {
        project.file("models/below.sql", "select * from {{ ref('m') }}");
        let run = project.fails(1, &SPAN);
        assert!(run.text().contains("PARTIAL SUCCESS (2/3)"), "{}", run.text());
        assert_eq!(ids(&project, "m"), ["1", "3"]);
        let results = project.json("target/run_results.json");
        let of = |id: &str| {
            let all = results["results"].as_array().unwrap().iter();
            all.clone().find(|r| r["unique_id"] == id).cloned().unwrap()
        };
        let m = of("model.shop.m");
        assert_eq!(m["status"], "partial success");
        let failed = &m["batch_results"]["failed"];
        assert_eq!(failed[0][0], "2025-01-02T00:00:00+00:00");
        assert_eq!(failed[0][1], "2025-01-03T00:00:00+00:00");
        assert_eq!(m["batch_results"]["successful"].as_array().unwrap().len(), 2);
        assert_eq!(of("model.shop.below")["status"], "skipped");

        // Only what failed is built again, and what waited for it.
        let wrong = "{{ ', no_such_column' if model.batch and model.batch.id == '20250102' }}";
        project.file("models/m.sql", &project.read("models/m.sql").replace(wrong, ""));
        let retry = project.ok(&["retry"]);
        assert!(retry.text().contains("1 of 1 START batch 2025-01-02"), "{}", retry.text());
        assert_eq!(ids(&project, "below"), ["1", "2", "3"]);
    }
}

#[test]
fn hooks_run_around_all_batches() {
    let hooks = ", pre_hook='create table if not exists hooked (x int)',
        post_hook='insert into hooked values (1)'";
    for project in project("select id, moment from {{ ref('events') }}", hooks) {
        project.ok(&SPAN);
        assert_eq!(sorted(&project, "hooked"), ["1"]);
    }
}

#[test]
fn what_is_missing_is_named() {
    for (config, wanted) in [
        ("event_time='moment', begin='2025-01-01'", "must provide a 'batch_size' config"),
        ("event_time='moment', batch_size='day'", "must provide a 'begin' config"),
        ("begin='2025-01-01', batch_size='day'", "must provide an 'event_time' config"),
        ("event_time='moment', begin='x', batch_size='day'", "but got: x"),
    ] {
        let config = format!(
            "{{{{ config(materialized='incremental', incremental_strategy='microbatch', {config}) }}}}"
        );
        let [project, _] =
            Project::on_each(&[("models/m.sql", &format!("{config} select 1 as id"))]);
        let run = project.fails(2, &["parse"]);
        assert!(run.text().contains(wanted), "{}", run.text());
    }
}

#[test]
fn empty_and_sampled_runs_read_less() {
    for project in Project::on_each(&[
        ("models/events.sql", EVENTS),
        ("models/m.sql", "select * from {{ ref('events') }}"),
        ("seeds/s.csv", "id\n1\n"),
    ]) {
        project.ok(&["build", "--empty"]);
        assert_eq!(ids(&project, "m"), [""; 0]);
        // Seeds are loaded, as in dbt 1.11.
        assert_eq!(ids(&project, "s"), ["1"]);
        project.ok(&["run", "--sample", "{start: 2025-01-02, end: 2025-01-04}"]);
        let sql = project.read("target/compiled/shop/models/m.sql");
        assert!(sql.contains("where moment >= '2025-01-02 00:00:00+00:00'"), "{sql}");
        assert_eq!(ids(&project, "m"), ["2", "3"]);
    }
}

#[test]
fn batches_side_by_side_are_told_where_there_are_none() {
    for project in project("select * from {{ ref('events') }}", ", concurrent_batches=true") {
        let parsed = project.ok(&["parse", "--log-format", "json"]);
        let told = parsed.text().contains("InvalidConcurrentBatchesConfig");
        assert_eq!(told, project.on == On::Postgres, "{}", parsed.text());
        let silent = "{'silence': ['InvalidConcurrentBatchesConfig']}";
        let parsed = project.ok(&["parse", "--warn-error-options", silent]);
        assert!(!parsed.text().contains("concurrent_batches"), "{}", parsed.text());
    }
}
