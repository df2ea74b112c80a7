//! What the results store keeps of data tests: rules, failing rows with their keys, and their life.

use sha2::{Digest, Sha256};

use super::support::project::{On, Project};

/// `d` on DuckDB and `p` on PostgreSQL with the same five rows.
const ROWS: &str = "select 'n1' as note, 1 as id, 'a' as kind union all select 'n2', 2, 'b' \
     union all select 'n3', 3, 'z' union all select 'n4', 4, 'z' union all select 'n5', 5, null";

fn project(files: &[(&str, &str)]) -> Project {
    let d = format!("{{{{ config(materialized='table') }}}} {ROWS}");
    let p = format!("{{{{ config(materialized='table', engine='operational') }}}} {ROWS}");
    let mut all = vec![("models/d.sql", d.as_str()), ("models/p.sql", p.as_str())];
    all.extend(files);
    Project::new(On::Hybrid, &all)
}

/// A properties file with these columns for both models.
fn columns(of_both: &str) -> String {
    let of = |model: &str| format!("  - name: {model}\n    columns:\n{of_both}");
    format!("models:\n{}{}", of("d"), of("p"))
}

fn store(project: &Project, sql: &str) -> Vec<String> {
    project.postgres(sql).into_iter().map(|row| row.join(" ")).collect()
}

/// Of each check that found something: the test, its columns, and the keys of its rows.
const KEPT: &str =
    "select r.name, c.failures, c.rows_complete, c.row_columns[1:c.key_columns]::text,
    c.row_columns[c.key_columns + 1:]::text,
    (select string_agg(coalesce(f.row_key, f.row_data)::text, ' ' order by f.row_number)
     from data_quality.quality_failures f where f.check_id = c.check_id)
    from data_quality.quality_checks c join data_quality.quality_rules r using (rule_id)
    where c.status <> 'pass' order by r.name";

#[test]
fn failing_rows_come_with_their_key_first() {
    let yaml = columns(
        "      - name: note\n      - name: id\n        data_tests: [unique, not_null]\n      \
         - name: kind\n        data_tests:\n          - not_null\n          \
         - accepted_values: {arguments: {values: [a, b]}}\n          \
         - relationships: {arguments: {to: ref('kinds'), field: kind}}\n",
    );
    let project = project(&[
        ("models/_.yml", &yaml),
        ("seeds/kinds.csv", "kind\na\nb\n"),
        ("tests/late_d.sql", "select kind, note, id from {{ ref('d') }} where id > 3"),
        ("tests/late_p.sql", "select kind, note, id from {{ ref('p') }} where id > 3"),
        (
            "tests/pairs.sql",
            "select count(*) as n, kind from {{ ref('d') }} group by 2 having count(*) > 1",
        ),
    ]);
    project.fails(1, &["build"]);
    let of = |name: &str| {
        [
            format!(
                "accepted_values_{name}_kind__a__b 1 true {{value_field}} {{n_records}} {{\"value_field\": \"z\"}}"
            ),
            format!("late_{name} 2 true {{id}} {{kind,note}} {{\"id\": 4}} {{\"id\": 5}}"),
            format!("not_null_{name}_kind 1 true {{id}} {{kind}} {{\"id\": 5}}"),
            format!(
                "relationships_{name}_kind__kind__ref_kinds_ 2 true {{from_field}} {{}} \
                 {{\"from_field\": \"z\"}} {{\"from_field\": \"z\"}}"
            ),
        ]
    };
    let mut expected = [of("d"), of("p")].concat();
    expected.push("pairs 1 true {} {n,kind} {\"n\": 2, \"kind\": \"z\"}".to_owned());
    expected.sort();
    assert_eq!(store(&project, KEPT), expected);
    // The same order in what is printed.
    let shown = project.ok(&["failures", "late_p", "--format", "csv"]).stdout;
    assert_eq!(shown, "change,id,kind,note\nnew,4,z,n4\nnew,5,,n5\n");
}

#[test]
fn the_key_is_the_constraint_before_tests_and_unique_key() {
    let yaml = "models:\n  - name: d\n    constraints: [{type: primary_key, columns: [kind, note]}]\n    \
         columns:\n      - name: id\n        data_tests: [unique, not_null]\n  \
         - name: p\n    columns:\n      - name: note\n        constraints: [{type: primary_key}]\n      \
         - name: id\n        data_tests: [unique, not_null]\n";
    let keyed = "{{ config(materialized='table', unique_key=['id', 'note']) }} select * from {{ ref('d') }}";
    let project = project(&[
        ("models/_.yml", yaml),
        ("models/keyed.sql", keyed),
        (
            "tests/of_d.sql",
            "{{ config(severity='warn') }} select * from {{ ref('d') }} where id = 1",
        ),
        ("tests/of_keyed.sql", "select * from {{ ref('keyed') }} where id = 1"),
        ("tests/of_p.sql", "select * from {{ ref('p') }} where id = 1"),
    ]);
    project.fails(1, &["build"]);
    assert_eq!(
        store(&project, KEPT),
        [
            "of_d 1 true {kind,note} {id} {\"kind\": \"a\", \"note\": \"n1\"}",
            "of_keyed 1 true {id,note} {kind} {\"id\": 1, \"note\": \"n1\"}",
            "of_p 1 true {note} {id,kind} {\"note\": \"n1\"}",
        ]
    );
}

#[test]
fn failures_limit_is_inherited_and_nothing_more_is_fetched() {
    let yaml = "models:\n  - name: d\n    columns:\n      - name: id\n        data_tests:\n          \
         - unique\n          - not_null\n          - below: {name: none_kept, config: {failures_limit: 0}}\n          \
         - below: {name: two_kept, failures_limit: 2}\n          - below: {name: three_kept}\n          \
         - below: {name: five_kept, config: {failures_limit: 5}}\n          \
         - below: {name: by_sum, config: {fail_calc: sum(id), failures_limit: 5}}\n          \
         - below: {name: limited, config: {limit: 2, failures_limit: 5}}\n";
    let project = project(&[
        ("dbt_project.yml", "name: shop\nprofile: shop\ndata_tests:\n  +failures_limit: 3\n"),
        ("models/_.yml", yaml),
        (
            "tests/generic/below.sql",
            "{% test below(model, column_name) %} select * from {{ model }} where {{ column_name }} < 10 {% endtest %}",
        ),
    ]);
    project.fails(1, &["--debug", "build", "--select", "d"]);
    assert_eq!(
        store(&project, KEPT),
        [
            "by_sum 15 true {id} {note,kind} {\"id\": 1} {\"id\": 2} {\"id\": 3} {\"id\": 4} {\"id\": 5}",
            "five_kept 5 true {id} {note,kind} {\"id\": 1} {\"id\": 2} {\"id\": 3} {\"id\": 4} {\"id\": 5}",
            "limited 2 false {id} {note,kind} {\"id\": 1} {\"id\": 2}",
            "none_kept 5 false NULL NULL NULL",
            "three_kept 5 false {id} {note,kind} {\"id\": 1} {\"id\": 2} {\"id\": 3}",
            "two_kept 5 false {id} {note,kind} {\"id\": 1} {\"id\": 2}",
        ]
    );
    // The engine itself was asked for no more.
    let log = project.read("logs/dbt.log");
    assert!(log.contains("limit 2\n"), "{log}");
    assert!(!log.contains("limit 100"), "{log}");
}

#[test]
fn rules_know_their_context_owner_and_kind() {
    let yaml = "groups:\n  - {name: sales, owner: {name: Sales}}\n  - {name: stock, owner: {email: stock@x.y}}\n\
         sources:\n  - name: raw\n    schema: main\n    config: {group: stock, meta: {owner: {team: Loaders}}}\n    tables:\n      \
         - name: d\n        columns:\n          - name: id\n            data_tests: [not_null]\n\
         models:\n  - name: d\n    config: {group: sales}\n    columns:\n      - name: id\n        data_tests:\n          \
         - unique: {description: Ids are told apart.}\n  - name: p\n    config: {group: stock}\n\
         data_tests:\n  - name: one\n    description: Never so.\n  - name: own\n    config: {group: stock, severity: warn, meta: {owner: Ada}}\n\
         unit_tests:\n  - name: doubled\n    model: twice\n    description: Twice as much.\n    given: [{input: ref('d'), rows: [{id: 1}]}]\n    expect: {rows: [{n: 2}]}\n";
    let project = project(&[
        ("models/_.yml", yaml),
        ("models/twice.sql", "{{ config(group='sales') }} select 2 * id as n from {{ ref('d') }}"),
        ("tests/one.sql", "select * from {{ ref('d') }} where false"),
        ("tests/both.sql", "select d.id from {{ ref('d') }} d, {{ ref('p') }} where false"),
        ("tests/own.sql", "select * from {{ ref('d') }} where false"),
    ]);
    project.ok(&["run"]);
    project.ok(&["test"]);
    let rules = "select name, kind, severity, coalesce(context, '-'), coalesce(owner, '-'),
        coalesce(node_name, '-'), coalesce(column_name, '-'), coalesce(description, '-')
        from data_quality.quality_rules order by name";
    assert_eq!(
        store(&project, rules),
        [
            "both singular error - - - - -",
            "doubled unit error sales Sales twice - Twice as much.",
            "one singular error sales Sales - - Never so.",
            "own singular warn stock Ada - - -",
            "source_not_null_raw_d_id not_null error stock Loaders raw.d id -",
            "unique_d_id unique error sales Sales d id Ids are told apart.",
        ]
    );
}

/// Rows with personal data, in the databases before any command runs.
fn people() -> Project {
    let rows = "select 1 as id, 'Secret-a@x.y' as email, 900011 as zip, 'n1' as note union all \
         select 2, 'Secret-a@x.y', 900012, 'n2' union all select 3, null, 900013, 'n3'";
    let yaml = |node: &str| {
        format!(
            "  - name: {node}\n    columns:\n      - name: id\n        data_tests: [unique, not_null]\n      \
             - {{name: note}}\n      - name: EMAIL\n        meta: {{pii: true}}\n        data_tests:\n          \
             - unique\n          - not_null\n          \
             - shown: {{name: shown_{node}, arguments: {{other: id}}}}\n          \
             - relationships: {{name: related_{node}, arguments: {{to: ref('{node}'), field: note}}}}\n      \
             - name: zip\n        config: {{meta: {{pii: true}}}}\n        data_tests:\n          \
             - accepted_values: {{name: values_{node}, arguments: {{values: [1], quote: false}}}}\n"
        )
    };
    let models = format!("models:\n{}{}", yaml("d"), yaml("p"));
    let sources = "sources:\n  - name: raw\n    schema: main\n    tables:\n      - name: people\n        columns:\n          \
         - {name: email, config: {meta: {pii: email}}}\n          - {name: zip, meta: {pii: true}}\n          \
         - {name: id}\n  - name: raw_pg\n    schema: public\n    config: {engine: operational}\n    tables:\n      \
         - name: people\n        columns:\n          - {name: email, meta: {pii: true}}\n          - {name: zip, meta: {pii: true}}\n";
    let mut files: Vec<(String, String)> = vec![
        ("models/models.yml".into(), models),
        ("models/sources.yml".into(), sources.into()),
        ("models/d.sql".into(), "{{ config(materialized='table') }} select * from {{ source('raw', 'people') }}".into()),
        (
            "models/p.sql".into(),
            "{{ config(materialized='table', engine='operational') }} select * from {{ source('raw_pg', 'people') }}".into(),
        ),
        ("models/inlined.sql".into(), "{{ config(materialized='ephemeral') }} select id, email as mail from {{ ref('d') }}".into()),
        (
            "tests/generic/shown.sql".into(),
            "{% test shown(model, column_name, other) %} select {{ other }}, upper({{ column_name }}) as loud from {{ model }} {% endtest %}".into(),
        ),
        ("tests/through.sql".into(), "select * from {{ ref('inlined') }}".into()),
        ("tests/of_source.sql".into(), "select * from {{ source('raw', 'people') }}".into()),
        ("tests/kept.sql".into(), "{{ config(store_failures=true) }} select * from {{ ref('d') }}".into()),
        ("tests/twice.sql".into(), "select * from {{ ref('d') }} a join {{ ref('d') }} b on a.id = b.id".into()),
    ];
    for (name, json) in [("d", "to_json(person)"), ("p", "to_json(person)")] {
        files.push((
            format!("tests/mail_{name}.sql"),
            format!("select note, id, email from {{{{ ref('{name}') }}}}"),
        ));
        files.push((
            format!("tests/renamed_{name}.sql"),
            format!("select id, email as mail from {{{{ ref('{name}') }}}}"),
        ));
        files.push((
            format!("tests/whole_{name}.sql"),
            format!("select id, {json} as whole, person from {{{{ ref('{name}') }}}} as person"),
        ));
    }
    let files: Vec<(&str, &str)> = files.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    let mut project = Project::new(On::Hybrid, &files);
    project.env("PINTAIL_PII_KEY", "a key of all machines");
    project.duckdb(&format!("create table people as {rows}"));
    project.postgres(&format!("create table people as {rows}"));
    project
}

/// Every file under a folder, but the databases.
fn texts(folder: &std::path::Path, out: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            texts(&path, out);
        } else if path.extension().is_none_or(|extension| extension != "duckdb") {
            let bytes = std::fs::read(&path).unwrap();
            out.push((path.display().to_string(), String::from_utf8_lossy(&bytes).into_owned()));
        }
    }
}

fn token(test: &str, value: &str) -> String {
    let hmac = |key: &[u8], text: &[u8]| -> Vec<u8> {
        let half = |pad: u8| -> Vec<u8> {
            (0..64).map(|at| pad ^ key.get(at).copied().unwrap_or(0)).collect()
        };
        let inner = Sha256::new().chain_update(half(0x36)).chain_update(text).finalize();
        Sha256::new().chain_update(half(0x5c)).chain_update(inner).finalize().to_vec()
    };
    let key = hmac(&Sha256::digest("a key of all machines"), test.as_bytes());
    format!("pii:{}", &pintail::checksum::hex(&hmac(&key, value.as_bytes()))[..16])
}

#[test]
fn personal_values_never_leave_their_engine() {
    let project = people();
    project.ok(&["run"]);
    let ran = project.fails(1, &["--debug", "test"]);
    let kept = store(
        &project,
        "select r.name, string_agg(f.row_data::text, ' ' order by f.row_number)
        from data_quality.quality_failures f join data_quality.quality_rules r using (rule_id)
        where r.name not like '%whole%' and r.name not like 'kept' group by 1 order by 1",
    );
    let mask = |test: &str, value: &str| token(&format!("test.shop.{test}"), value);
    for name in ["d", "p"] {
        let of = |start: &str| kept.iter().find(|line| line.starts_with(start)).unwrap().clone();
        let test = format!("mail_{name}");
        let mail = mask(&test, "Secret-a@x.y");
        assert_eq!(
            of(&test),
            format!(
                r#"{test} {{"id": 1, "note": "n1", "email": "{mail}"}} {{"id": 2, "note": "n2", "email": "{mail}"}} {{"id": 3, "note": "n3", "email": null}}"#
            )
        );
        assert!(of(&format!("renamed_{name}")).contains(r#"{"id": 1, "mail": "pii:"#));
        assert!(of(&format!("shown_{name}")).contains(r#"{"id": 1, "loud": "pii:"#));
        assert!(of(&format!("values_{name}")).contains(r#"{"n_records": 1, "value_field": "pii:"#));
        assert!(of(&format!("related_{name}")).contains(r#"{"from_field": "pii:"#));
        assert!(
            of(&format!("unique_{name}_EMAIL"))
                .contains(r#"{"n_records": 2, "unique_field": "pii:"#)
        );
        let not_null = of(&format!("not_null_{name}_EMAIL"));
        assert!(not_null.contains(r#"{"id": 3, ""#) && not_null.contains("null}"), "{not_null}");
    }
    let of_source = kept.iter().find(|line| line.starts_with("of_source")).unwrap();
    assert!(of_source.contains(r#""zip": "pii:"#), "{of_source}");
    let tables = project.postgres(
        "select table_schema || '.' || table_name from information_schema.tables
        where table_schema in ('etl_orchestration', 'data_quality', 'security_audit')",
    );
    let mut found = vec![("printed".to_owned(), ran.text())];
    for table in tables {
        let rows = project.postgres(&format!("select t::text from {} as t", table[0]));
        found.push((table[0].clone(), format!("{rows:?}")));
    }
    texts(project.path(), &mut found);
    assert!(found.iter().any(|(name, _)| name.ends_with("dbt.log")));
    for (place, text) in found {
        let text = text.to_lowercase();
        assert!(!text.contains("secret-a") && !text.contains("90001"), "{place}: {text}");
    }
    // What the user asked to keep is the user's own.
    let own =
        project.lines("select count(*) from main_dbt_test__audit.kept where email like 'Secret%'");
    assert_eq!(own, ["2"]);
    // The key is not told, and no other one was made.
    let log = project.read("logs/dbt.log");
    assert!(log.contains("unhex('***')") && log.contains("decode('***', 'hex')"));
    assert!(!project.path().join(".pintail/keys/pii").exists());
}

#[test]
fn a_key_of_its_own_keeps_tokens_the_same_from_run_to_run() {
    let mut project = people();
    project.env("PINTAIL_PII_KEY", "");
    project.ok(&["run"]);
    project.fails(1, &["test"]);
    project.fails(1, &["test"]);
    let ids = "select r.name, count(distinct f.check_id), count(distinct f.incident_id),
        count(distinct f.row_data ->> 'unique_field')
        from data_quality.quality_failures f join data_quality.quality_rules r using (rule_id)
        where r.name like 'unique%' group by 1 order by 1";
    assert_eq!(store(&project, ids), ["unique_d_EMAIL 2 1 1", "unique_p_EMAIL 2 1 1"]);
    assert_eq!(project.read(".pintail/keys/pii").len(), 64);
    assert_eq!(project.read(".pintail/.gitignore"), "*\n");
}

#[test]
fn failures_say_what_changed_and_quality_sums_it_up() {
    let project = project(&[
        (
            "models/_.yml",
            &columns("      - name: id\n        data_tests: [unique, not_null]\n")
                .replace("  - name: d\n", "  - name: d\n    config: {group: sales}\n"),
        ),
        ("models/groups.yml", "groups:\n  - {name: sales, owner: {name: Ada}}\n"),
        (
            "tests/late_d.sql",
            "select note, id from {{ ref('d') }} where id >= {{ var('from', 4) }} and id <= {{ var('to', 5) }}",
        ),
    ]);
    project.fails(1, &["build"]);
    project.fails(1, &["test", "--vars", "{from: 3, to: 4}"]);
    let ran = project.ok(&["failures", "late_d", "--format", "csv"]);
    assert_eq!(ran.stdout, "change,id,note\nnew,3,n3\nrecurring,4,n4\nresolved,5,n5\n");
    assert!(ran.stderr.contains("fail late_d: 2 failing rows, checked "), "{}", ran.stderr);
    assert!(ran.stderr.contains("\n1 new, 1 recurring, 1 resolved since run "), "{}", ran.stderr);
    let json = project.ok(&["failures", "late_d", "--format", "json"]).stdout;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json[2], serde_json::json!({"change": "resolved", "id": 5, "note": "n5"}));
    // The run before stays as it was.
    let first = store(
        &project,
        "select run_id from etl_orchestration.pipeline_runs order by started_at limit 1",
    );
    let ran = project.ok(&["failures", "late_d", "--run", &first[0][..8], "--format", "csv"]);
    assert_eq!(ran.stdout, "change,id,note\nnew,4,n4\nnew,5,n5\n");
    // One that passes shows what went away, and other targets know nothing of all that.
    project.ok(&["test", "--vars", "{from: 9}"]);
    let ran = project.ok(&["failures", "late_d", "--format", "csv"]);
    assert_eq!(ran.stdout, "change,id,note\nresolved,3,n3\nresolved,4,n4\n");
    let ran = project.fails(2, &["failures", "lat_d"]);
    assert!(ran.stderr.contains("Did you mean `late_d`?"), "{}", ran.stderr);

    project.fails(1, &["test", "--vars", "{from: 4, to: 4}"]);
    let card = project.ok(&["quality", "--format", "json"]).stdout;
    let card: serde_json::Value = serde_json::from_str(&card).unwrap();
    // Five tests that weigh the same; one of them fails.
    assert_eq!((&card["score"], &card["score_before"]), (&80.0.into(), &serde_json::Value::Null));
    let sales = &card["contexts"][0];
    assert_eq!((&sales["context"], &sales["owner"]), (&"sales".into(), &"Ada".into()));
    let numbers = ["tests", "passed", "failed", "new", "recurring", "resolved"]
        .map(|key| sales[key].as_i64().unwrap());
    assert_eq!(numbers, [3, 2, 1, 0, 1, 2]);
    let worst = &card["worst"][0];
    assert_eq!(
        (&worst["name"], &worst["bad"], &worst["checks"]),
        (&"late_d".into(), &3.into(), &4.into())
    );
    let shown = project.ok(&["quality"]).stdout;
    assert!(shown.contains("Data quality of shop on hybrid since "), "{shown}");
    assert!(shown.contains(": 80.0 of 100\n") && shown.contains("0/1/2"), "{shown}");
    let ran = project.fails(2, &["quality", "--since", "9999-01-01"]);
    assert!(ran.stderr.contains("`--since` lies in the future"), "{}", ran.stderr);
}
