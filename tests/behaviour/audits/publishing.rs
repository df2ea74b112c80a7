//! What a published relation keeps: rows, constraints, grants, views upon it, hooks after the commit.

use super::super::sorted;
use super::super::support::project::{On, Project, lines};
use super::{raw, shop, status};

#[test]
fn an_increment_keeps_what_the_table_has() {
    let config = "materialized='incremental', unique_key='id', publish='audited', \
                  contract={'enforced': true}, on_schema_change='append_new_columns', \
                  indexes=[{'columns': ['v']}], persist_docs={'relation': true, 'columns': true}, \
                  pre_hook=\"{% if is_incremental() %} delete from {{ this }} where id = 1 {% endif %}\"";
    let properties = "models:
  - name: orders
    description: all orders
    constraints: [{type: unique, columns: [v]}]
    columns:
      - name: id
        data_type: integer
        description: its number
        constraints: [{type: primary_key}]
        data_tests: [unique, not_null]
      - {name: v, data_type: integer, constraints: [{type: check, expression: v > 0}]}
";
    for project in shop(config) {
        project.file("models/properties.yml", properties);
        project.ok(&["build"]);
        let described = |project: &Project| {
            match project.on {
            On::Postgres => project.lines(
                "select conname, pg_get_constraintdef(oid) from pg_constraint where conrelid = 'orders'::regclass
                 union all select indexname, indexdef from pg_indexes where tablename = 'orders'
                 union all select '', obj_description('orders'::regclass) || col_description('orders'::regclass, 1) order by 1, 2",
            ),
            _ => project.lines(
                "select sql || comment from duckdb_tables() where table_name = 'orders'
                 union all select sql from duckdb_indexes() where table_name = 'orders'
                 union all select comment from duckdb_columns() where table_name = 'orders' order by 1",
            ),
        }
        };
        let before = described(&project);
        for turn in 0..2 {
            raw(&project, &format!("2,21\n{},30\n", turn + 3));
            // Rejected by a constraint at first, then by nothing.
            raw(&project, "2,-1\n");
            project.fails(1, &["run"]);
            assert_eq!(project.status("orders"), "error");
            raw(&project, &format!("2,21\n{},{}\n", turn + 3, turn + 30));
            project.ok(&["run"]);
            assert_eq!(described(&project), before);
        }
        assert_eq!(sorted(&project, "orders"), ["2|21", "3|30", "4|31"]);
        raw(&project, "7,70\n");
        project.ok(&["run", "--full-refresh"]);
        assert_eq!(sorted(&project, "orders"), ["7|70"]);
    }
}

#[test]
fn grants_keys_comments_and_the_owner_come_with_an_increment() {
    let [_, project] = shop("materialized='incremental', publish='audited'");
    project.ok(&["build"]);
    let role = format!("r_{}", uuid::Uuid::new_v4().simple());
    let owner = format!("o_{}", uuid::Uuid::new_v4().simple());
    let mut connection = project.database().connect();
    use pintail::engine::Connection;
    for sql in [
        format!("create role {role}"),
        format!("create role {owner}"),
        format!("grant select on orders to {role} with grant option"),
        format!("grant update (v) on orders to {role}"),
        "create table other (id integer primary key)".to_owned(),
        "insert into other values (1), (2), (5)".to_owned(),
        "alter table orders add constraint known foreign key (id) references other (id)".to_owned(),
        "alter table orders set (fillfactor = 70)".to_owned(),
        "create unique index by_v on orders (v)".to_owned(),
        "comment on index by_v is 'one''s own'".to_owned(),
        "alter table orders add constraint whole primary key (id)".to_owned(),
        "comment on constraint whole on orders is 'the key'".to_owned(),
        "comment on constraint known on orders is 'kept elsewhere'".to_owned(),
        format!("alter table orders owner to {owner}"),
    ] {
        connection.execute(&sql).unwrap();
    }
    let state = "select relacl::text, reloptions::text, (select string_agg(attacl::text, '') from pg_attribute where attrelid = c.oid),
                 (select string_agg(conname || pg_get_constraintdef(oid) || obj_description(oid, 'pg_constraint'), '' order by conname) from pg_constraint where conrelid = c.oid),
                 (select string_agg(indexrelid::regclass || coalesce(obj_description(indexrelid, 'pg_class'), ''), ' ' order by indexrelid::regclass::text) from pg_index where indrelid = c.oid),
                 relowner::regrole::text
                 from pg_class c where oid = 'orders'::regclass";
    let before = project.lines(state);
    raw(&project, "5,50\n");
    project.ok(&["run"]);
    assert_eq!(project.lines(state), before);
    assert_eq!(sorted(&project, "orders"), ["1|10", "2|20", "5|50"]);
    // What a copy would lose is said before anything is done.
    connection.execute("alter table orders enable row level security").unwrap();
    let ran = project.fails(1, &["run"]);
    assert!(
        ran.text().contains("A copy of \"public\".\"orders\" would lack row-level security"),
        "{}",
        ran.text()
    );
    connection.execute(&format!("drop owned by {role}, {owner} cascade")).unwrap();
    connection.execute(&format!("drop role {role}, {owner}")).unwrap();
}

#[test]
fn views_upon_a_table_stay_and_see_only_what_passed() {
    let [_, project] = shop("materialized='table', publish='audited'");
    project.ok(&["build"]);
    use pintail::engine::Connection;
    let mut connection = project.database().connect();
    connection.execute("create view own as select sum(v) as total from orders").unwrap();
    raw(&project, "3,30\n3,31\n");
    project.fails(1, &["run"]);
    assert_eq!(project.lines("select total from own"), ["30"]);
    raw(&project, "3,30\n4,31\n");
    project.ok(&["run"]);
    assert_eq!(project.lines("select total from own"), ["61"]);
}

#[test]
fn hooks_after_the_commit_come_after_publishing() {
    let log = |when: &str| {
        format!(
            "insert into log values ('{when}', '{{{{ this.identifier }}}}', '{{{{ sql is not none }}}}')"
        )
    };
    let config = format!(
        "materialized=var('kind', 'table'), publish='audited', pre_hook=\"{}\", post_hook=[\"{}\", after_commit(\"{}\")]",
        log("pre"),
        log("post"),
        log("after")
    );
    for project in shop(&config) {
        let start = "create table if not exists log (a varchar(20), b varchar(20), c varchar(20))";
        let text = format!(
            "name: shop\nprofile: shop\non-run-start: [\"{start}\", \"delete from log\"]\n"
        );
        project.file("dbt_project.yml", &text);
        for kind in ["table", "view", "incremental"] {
            raw(&project, "1,10\n");
            let vars = format!("{{kind: {kind}}}");
            project.ok(&["run", "--vars", &vars, "--full-refresh"]);
            let expected =
                ["after|orders|True", "post|orders__audit|True", "pre|orders__audit|True"];
            assert_eq!(sorted(&project, "log"), expected, "{kind}");
            raw(&project, "1,10\n1,20\n");
            project.fails(1, &["run", "--vars", &vars, "--full-refresh"]);
            assert_eq!(sorted(&project, "log"), expected[1..], "{kind}");
        }
    }
}

#[test]
fn other_engines_see_only_what_was_published() {
    let project = Project::new(
        On::Hybrid,
        &[
            (
                "models/duck.sql",
                "{{ config(publish='audited', materialized='table') }} select {{ var('duck', 1) }} as id",
            ),
            (
                "models/ops.sql",
                "{{ config(publish='audited', materialized='table', engine='operational') }} select {{ var('ops', 1) }} as id",
            ),
            (
                "models/from_duck.sql",
                "{{ config(materialized='table', engine='operational') }} select id from {{ ref('duck') }}",
            ),
            (
                "models/from_ops.sql",
                "{{ config(materialized='table') }} select id from {{ ref('ops') }}",
            ),
            // On DuckDB, which reads the hidden relation in PostgreSQL.
            (
                "tests/both.sql",
                "select o.id from {{ ref('ops') }} o where o.id not in (select id from {{ ref('duck') }})",
            ),
            ("tests/small.sql", "select id from {{ ref('duck') }} where id > 2"),
            // Through a bridge, which copies what is published.
            (
                "tests/bridged.sql",
                "{{ config(engine='operational') }} select id from {{ ref('duck') }} where id > 1",
            ),
        ],
    );
    let all = ["duck", "ops", "from_duck", "from_ops", "both", "small", "bridged"];
    project.ok(&["build"]);
    assert!(project.statuses().iter().all(|(_, s)| s == "success" || s == "pass"));
    project.fails(1, &["build", "--vars", "{ops: 2}"]);
    assert_eq!(
        status(&project, &all),
        [
            "duck success",
            "ops error",
            "from_duck success",
            "from_ops skipped",
            "both fail",
            "small pass",
            "bridged pass"
        ]
    );
    assert_eq!(lines(project.postgres("select id from ops__rejected")), ["2"]);
    assert_eq!(lines(project.duckdb("select id from from_ops")), ["1"]);
    project.fails(1, &["build", "--vars", "{duck: 3}"]);
    assert_eq!(
        status(&project, &all),
        [
            "duck error",
            "ops skipped",
            "from_duck skipped",
            "from_ops skipped",
            "both skipped",
            "small fail",
            "bridged skipped"
        ]
    );
    assert_eq!(lines(project.postgres("select id from from_duck")), ["1"]);
    // It does not decide: what it looks at is there only afterwards.
    project.fails(1, &["build", "--vars", "{duck: 2, ops: 2}"]);
    assert_eq!(
        status(&project, &["duck", "ops", "bridged", "from_duck"]),
        ["duck success", "ops success", "bridged fail", "from_duck skipped"]
    );
    let tasks = "select name || ' ' || t.status from etl_orchestration.task_executions t join etl_orchestration.pipeline_runs r using (run_id)
                 where r.started_at = (select max(started_at) from etl_orchestration.pipeline_runs) and name in ('duck', 'bridged') order by 1";
    assert_eq!(lines(project.postgres(tasks)), ["bridged fail", "duck success"]);
}
