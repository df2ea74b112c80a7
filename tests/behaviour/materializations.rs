//! view, table, ephemeral; and one in the place of another.

use super::support::project::{On, Project};
use super::{relations, schema, sorted};

const BASE: (&str, &str) = (
    "models/base.sql",
    "{{ config(materialized='table') }}
     select 1 as id, 'a' as name union all select 2, 'b'",
);

#[test]
fn ephemeral_models_are_put_into_their_readers() {
    for project in Project::on_each(&[
        BASE,
        (
            "models/eph.sql",
            "{{ config(materialized='ephemeral') }}
             with x as (select * from {{ ref('base') }}) select id * 10 as id from x",
        ),
        (
            "models/eph2.sql",
            "{{ config(materialized='ephemeral') }}
             with x as (select * from {{ ref('eph') }}) select id + 1 as id from x",
        ),
        (
            "models/top.sql",
            "with y as (select * from {{ ref('eph2') }})
             select y.id, e.id as e from y join {{ ref('eph') }} e on y.id = e.id + 1",
        ),
        (
            "models/recursive.sql",
            "{{ config(materialized='table') }}
             -- with nothing
             with recursive n(i) as (select 1 union all select i + 1 from n where i < 3)
             select i, (select count(*) from {{ ref('eph') }}) as many from n",
        ),
    ]) {
        project.ok(&["run"]);
        assert_eq!(
            relations(&project, schema(&project)),
            ["base table", "recursive table", "top view"]
        );
        assert_eq!(sorted(&project, "top"), ["11|10", "21|20"]);
        assert_eq!(sorted(&project, "recursive"), ["1|2", "2|2", "3|2"]);
        assert_eq!(project.statuses().len(), 3);
    }
}

#[test]
fn any_kind_takes_the_place_of_any_other() {
    let model = |kind: &str, value: u32| {
        format!("{{{{ config(materialized='{kind}') }}}} select {value} as id")
    };
    for project in
        Project::on_each(&[("models/reader.sql", "select id * 100 as id from {{ ref('m') }}")])
    {
        let kinds = [
            "view",
            "table",
            "view",
            "incremental",
            "table",
            "incremental",
            "view",
            "view",
            "table",
            "table",
        ];
        for (turn, kind) in kinds.into_iter().enumerate() {
            let turn = turn as u32 + 1;
            project.file("models/m.sql", &model(kind, turn));
            project.ok(&["run", "--full-refresh"]);
            let shown = if kind == "view" { "m view" } else { "m table" };
            assert_eq!(relations(&project, schema(&project)), [shown, "reader view"]);
            assert_eq!(sorted(&project, "m"), [turn.to_string()]);
            assert_eq!(sorted(&project, "reader"), [(turn * 100).to_string()]);
        }
    }
}

/// Only the model runs, and the view upon it, which has other columns to read, is not built again.
#[test]
fn a_table_that_is_replaced_keeps_the_views_upon_it() {
    for project in Project::on_each(&[
        ("models/m.sql", "{{ config(materialized='table') }} select 1 as id, 2 as other"),
        ("models/reader.sql", "select id from {{ ref('m') }}"),
    ]) {
        project.ok(&["run"]);
        project.file(
            "models/m.sql",
            "{{ config(materialized='table') }} select 5 as id, 'x' as fresh",
        );
        project.ok(&["run", "--select", "m"]);
        assert_eq!(sorted(&project, "m"), ["5|x"]);
        assert_eq!(sorted(&project, "reader"), ["5"]);
    }
}

#[test]
fn a_failed_build_leaves_the_old_relation() {
    for kind in ["table", "view", "incremental"] {
        for project in Project::on_each(&[]) {
            let file = |sql: &str| {
                project.file(
                    "models/m.sql",
                    &format!("{{{{ config(materialized='{kind}') }}}} {sql}"),
                );
            };
            file("select 1 as id");
            project.ok(&["run"]);
            file("select cast('x' || id as integer) as id, nope from (select 2 as id) t");
            let ran = project.fails(1, &["run", "--full-refresh"]);
            assert!(ran.text().contains("models/m.sql"), "{}", ran.text());
            assert_eq!(project.status("m"), "error");
            assert_eq!(sorted(&project, "m"), ["1"]);
            assert_eq!(relations(&project, schema(&project)).len(), 1, "{kind}: a shadow is left");
        }
    }
}

/// The error is found while rows are made, not while the statement is planned.
#[test]
fn a_table_that_fails_half_way_leaves_the_old_one() {
    for project in Project::on_each(&[(
        "models/m.sql",
        "{{ config(materialized='table') }} select cast(t as integer) as id from (
           select '1' as t union all select '{{ var(\"second\", 2) }}') s",
    )]) {
        project.ok(&["run"]);
        assert_eq!(sorted(&project, "m"), ["1", "2"]);
        project.fails(1, &["run", "--vars", "{second: x}"]);
        assert_eq!(sorted(&project, "m"), ["1", "2"]);
        assert_eq!(relations(&project, schema(&project)), ["m table"]);
    }
}

#[test]
fn contents_with_comments_and_semicolons_at_the_end() {
    for project in Project::on_each(&[
        ("models/a.sql", "select 1 as id -- the last line is a comment"),
        ("models/b.sql", "{{ config(materialized='table') }} select 2 as id -- likewise"),
        ("models/c.sql", "{{ config(materialized='ephemeral') }} select 3 as id -- likewise"),
        ("models/d.sql", "select * from {{ ref('c') }} -- likewise"),
    ]) {
        project.ok(&["run"]);
        for (name, value) in [("a", "1"), ("b", "2"), ("d", "3")] {
            assert_eq!(sorted(&project, name), [value]);
        }
    }
}

#[test]
fn postgres_gets_its_indexes_and_unlogged_tables() {
    let project = Project::new(
        On::Postgres,
        &[(
            "models/m.sql",
            "{{ config(materialized='table', unlogged=true, indexes=[
             {'columns': ['id'], 'unique': true}, {'columns': ['name', 'id'], 'type': 'btree'}]) }}
         select 1 as id, 'a' as name",
        )],
    );
    for _ in 0..2 {
        project.ok(&["run"]);
        let indexes = project.lines("select regexp_replace(indexdef, '.* INDEX \\S+', '') from pg_indexes where tablename = 'm' order by 1");
        assert_eq!(
            indexes,
            [" ON public.m USING btree (id)", " ON public.m USING btree (name, id)"]
        );
        assert_eq!(project.lines("select relpersistence from pg_class where relname = 'm'"), ["u"]);
    }
}

/// What dbt, or a run that was killed, left under these names is cleared away.
#[test]
fn postgres_drops_what_is_left_over_beside_a_relation() {
    for kind in ["view", "table"] {
        let model = format!("{{{{ config(materialized='{kind}') }}}} select 1 as id");
        let project = Project::new(On::Postgres, &[("models/m.sql", &model)]);
        project.postgres("create view m__dbt_tmp as select 2 as id");
        project.postgres("create table m__dbt_backup as select 3 as id");
        project.ok(&["run"]);
        let relations = "select relname from pg_class where relname like 'm%' and relkind in ('r', 'v') and relnamespace = 'public'::regnamespace";
        assert_eq!(project.lines(relations), ["m"], "{kind}");
    }
}

/// dbt compiles the ephemeral models of a run as nodes of their own. What reads one names it that
/// was lost last; outside of a run it is part of what reads it.
#[test]
fn what_reads_a_broken_ephemeral_model_is_skipped() {
    let inner =
        "{{ config(materialized='ephemeral') }} select {{ adapter.no_such_method() }} as id";
    let through = "{{ config(materialized='ephemeral') }} select * from {{ ref('inner') }}";
    let tests = "models:\n  - {name: through, columns: [{name: id, data_tests: [not_null]}]}\n";
    for project in Project::on_each(&[
        ("models/inner.sql", inner),
        ("models/through.sql", through),
        ("models/outer.sql", "select * from {{ ref('inner') }}"),
        ("models/after.sql", "select * from {{ ref('outer') }}"),
        ("models/beyond.sql", "select * from {{ ref('through') }}"),
        ("models/apart.sql", "select 1 as id"),
        ("models/tests.yml", tests),
    ]) {
        let said = |name: &str| {
            let results = project.json("target/run_results.json");
            let mut all = results["results"].as_array().unwrap().iter();
            let one = all.find(|r| r["unique_id"].as_str().unwrap().contains(name)).unwrap();
            let message = one["message"].as_str().unwrap_or_default();
            let named = message.split("referenced ephemeral model model.shop.").nth(1);
            format!("{} {}", one["status"].as_str().unwrap(), named.unwrap_or(message))
        };
        let text = project.fails(1, &["run"]).text();
        assert!(text.contains("inner.sql:1:"), "{text}");
        assert_eq!(said("outer"), "skipped inner");
        assert_eq!(said("after"), "skipped inner");
        assert_eq!(said("beyond"), "skipped inner");
        assert_eq!(said("apart").split(' ').next(), Some("success"));

        project.fails(1, &["build", "--no-check"]);
        assert_eq!(said("outer"), "skipped inner");
        assert_eq!(said("after"), "skipped ");
        assert_eq!(said("not_null"), "skipped through");
        assert_eq!(said("beyond"), "skipped ");

        project.fails(1, &["test"]);
        let alone = "error Compilation Error in model inner (models/inner.sql)";
        assert_eq!(said("not_null").lines().next(), Some(alone));
        project.fails(1, &["run", "--select", "outer"]);
        assert_eq!(said("outer").lines().next(), Some(alone));
    }
}

/// As in dbt, whose statement around the query holds it in brackets.
#[test]
fn a_query_ends_without_a_semicolon() {
    for materialized in ["view", "table"] {
        let sql = format!("{{{{ config(materialized='{materialized}') }}}} select 1 as a;");
        for project in Project::on_each(&[("models/m.sql", &sql)]) {
            let said = project.fails(1, &["run"]).text();
            assert!(said.contains("syntax error"), "{said}");
        }
    }
}
