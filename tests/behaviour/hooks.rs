//! Hooks of models, seeds and runs: order, transactions, what they see.

use super::sorted;
use super::support::project::{On, Project};

const LOG: &str = "create table if not exists log (step varchar(60))";

fn project_file(models: &str) -> String {
    format!(
        "name: shop\nprofile: shop\non-run-start:\n  - \"{LOG}\"\n  - \"insert into log values ('start')\"\non-run-end:\n  \
         - \"insert into log values ('end')\"\n  - \"{{% if false %}}nothing{{% endif %}}\"\n{models}"
    )
}

fn log(project: &Project) -> Vec<String> {
    project.lines("select step from log")
}

#[test]
fn hooks_run_in_their_order() {
    let models = "models:\n  +pre-hook: \"insert into log values ('pre of all')\"\n";
    for kind in ["table", "view", "incremental"] {
        let model = format!(
            "{{{{ config(materialized='{kind}',
               pre_hook=[\"insert into log values ('pre')\", {{'sql': \"insert into log values ('pre outside')\", 'transaction': false}}],
               post_hook=[{{'sql': \"insert into log values ('post outside')\", 'transaction': false}},
                          \"insert into log select 'post: ' || count(*) || ' of {{{{ this.identifier }}}}' from {{{{ this }}}}\"]) }}}}
             select 1 as id union all select 2"
        );
        for project in Project::on_each(&[
            ("dbt_project.yml", &project_file(models)),
            ("models/m.sql", &model),
        ]) {
            project.ok(&["run"]);
            assert_eq!(
                log(&project),
                [
                    "start",
                    "pre outside",
                    "pre of all",
                    "pre",
                    "post: 2 of m",
                    "post outside",
                    "end"
                ],
                "{kind}"
            );
        }
    }
}

#[test]
fn a_failing_post_hook_leaves_the_old_relation() {
    let model = |kind: &str, id: u32, hook: &str| {
        format!(
            "{{{{ config(materialized='{kind}', pre_hook=\"insert into log values ('pre {id}')\", post_hook=[{hook}]) }}}} select {id} as id"
        )
    };
    let fine = "\"insert into log values ('post')\"";
    let failing = "\"insert into log values ('lost')\", \"insert into nowhere values (1)\"";
    let outside = "\"insert into log values ('kept')\", {'sql': \"insert into nowhere values (1)\", 'transaction': false}";
    for kind in ["table", "view", "incremental"] {
        for project in Project::on_each(&[
            ("dbt_project.yml", &project_file("")),
            ("models/m.sql", &model(kind, 1, fine)),
        ]) {
            project.ok(&["run"]);
            project.file("models/m.sql", &model(kind, 2, failing));
            let ran = project.fails(1, &["run"]);
            assert!(ran.text().contains("nowhere"), "{}", ran.text());
            assert_eq!(sorted(&project, "m"), ["1"], "{kind}");
            assert!(!log(&project).contains(&"lost".to_owned()), "{kind}: {:?}", log(&project));
            let left =
                "select count(*) from information_schema.tables where table_name like '%dbt_tmp%'";
            assert_eq!(project.lines(left), ["0"]);

            // Outside of the transaction, the new relation is there already.
            project.file("models/m.sql", &model(kind, 3, outside));
            project.fails(1, &["run", "--full-refresh"]);
            assert_eq!(sorted(&project, "m"), ["3"], "{kind}");
            assert!(log(&project).contains(&"kept".to_owned()));
        }
    }
}

#[test]
fn a_failing_model_takes_its_pre_hook_back() {
    for kind in ["table", "view", "incremental"] {
        let model = format!(
            "{{{{ config(materialized='{kind}', pre_hook=[\"insert into log values ('lost')\",
               {{'sql': \"insert into log values ('kept')\", 'transaction': false}}]) }}}} select * from nowhere"
        );
        for project in
            Project::on_each(&[("dbt_project.yml", &project_file("")), ("models/m.sql", &model)])
        {
            project.fails(1, &["run"]);
            assert_eq!(log(&project), ["start", "kept", "end"], "{kind}");
        }
    }
}

#[test]
fn seeds_have_hooks_too() {
    let seeds = "seeds:\n  +pre-hook: \"insert into log values ('pre')\"\n  +post-hook: [\"insert into log select 'post: ' || count(*) from {{ this }}\"]\n";
    for project in
        Project::on_each(&[("dbt_project.yml", &project_file(seeds)), ("seeds/s.csv", "a\n1\n2\n")])
    {
        project.ok(&["seed"]);
        assert_eq!(log(&project), ["start", "pre", "post: 2", "end"]);
    }
}

/// As in dbt, nodes run after a start hook that failed unless the project says otherwise.
#[test]
fn a_failing_start_hook_may_keep_the_run_from_starting() {
    let project_file = |skips: bool| {
        format!(
            "name: shop\nprofile: shop\nmodels: {{+tags: [x], +meta: {{a: 1}}}}\n\
             on-run-start: [\"insert into nowhere values (1)\", \"select 1\"]\n\
             on-run-end: \"select 2\"\n\
             flags: {{skip_nodes_if_on_run_start_fails: {skips}}}\n"
        )
    };
    for skips in [true, false] {
        for project in Project::on_each(&[
            ("dbt_project.yml", &project_file(skips)),
            ("models/m.sql", "select 1 as id"),
        ]) {
            let ran = project.run(&["run"]);
            assert_eq!(ran.code, 1);
            assert!(ran.text().contains("nowhere"), "{}", ran.text());
            let there = "select count(*) from information_schema.tables where table_name = 'm'";
            assert_eq!(project.lines(there), [if skips { "0" } else { "1" }]);

            let results = project.json("target/run_results.json");
            let told: Vec<String> = results["results"]
                .as_array()
                .expect("a list")
                .iter()
                .map(|one| {
                    let said = one["message"].as_str().unwrap_or("null").lines().next();
                    format!("{} {} {}", one["status"], one["failures"], said.unwrap_or_default())
                })
                .collect();
            let of_model = if skips { "\"skipped\" null null" } else { &told[2] };
            let expected = [
                "\"error\" 1 shop.on-run-start.0 failed, error:",
                "\"skipped\" 1 shop.on-run-start.1 skipped",
                of_model,
                "\"success\" 0 shop.on-run-end.0 passed",
            ];
            assert_eq!(told, expected);
        }
    }
    // Hooks are configured as models.
    let project = Project::new(
        On::DuckDb,
        &[("dbt_project.yml", &project_file(false)), ("models/m.sql", "select 1 as id")],
    );
    project.fails(1, &["run"]);
    let hook = project.node("operation.shop.shop-on-run-start-1");
    assert_eq!(hook["config"]["tags"], serde_json::json!(["x"]));
    assert_eq!(hook["tags"], serde_json::json!(["on-run-start", "x"]));
    assert_eq!((&hook["meta"]["a"], &hook["index"]), (&1.into(), &2.into()));
}

/// As in dbt: `build` has a result for what has nothing to run, and hooks see it.
#[test]
fn end_hooks_see_the_results_of_exposures() {
    for project in Project::on_each(&[
        (
            "dbt_project.yml",
            "name: shop\nprofile: shop\non-run-end: \"{% for r in results %}{{ log(r.node.name ~ ' ' ~ r.status, info=true) }}{% endfor %}\"\n",
        ),
        ("models/one.sql", "select 1 as id"),
        (
            "models/shown.yml",
            "exposures: [{name: board, type: dashboard, owner: {name: us}, depends_on: [ref('one')]}]",
        ),
    ]) {
        let said = project.ok(&["build"]).text();
        assert!(said.contains("one success") && said.contains("board no-op"), "{said}");
    }
}

/// `results`, `schemas` and macros in the hooks of a run.
#[test]
fn end_hooks_see_the_results() {
    for project in Project::on_each(&[
        (
            "dbt_project.yml",
            "name: shop\nprofile: shop\non-run-start: \"create table if not exists log (step varchar(60))\"\non-run-end: \"{{ tell(results) }}\"\n",
        ),
        (
            "macros/tell.sql",
            "{% macro tell(results) %}{% for r in results %}insert into log values ('{{ r.node.name }} {{ r.status }}');{% endfor %}{% endmacro %}",
        ),
        ("models/a.sql", "select 1 as id"),
        ("models/b.sql", "select * from nowhere"),
    ]) {
        project.fails(1, &["run"]);
        let mut log = log(&project);
        log.sort();
        assert_eq!(log, ["a success", "b error"]);
    }
}

#[test]
fn a_failing_end_hook_is_one_more_result() {
    for project in Project::on_each(&[
        (
            "dbt_project.yml",
            "name: shop\nprofile: shop\non-run-end: \"insert into nowhere values (1)\"\n",
        ),
        ("models/m.sql", "select 1 as id"),
    ]) {
        let ran = project.fails(1, &["run"]);
        assert!(ran.text().contains("nowhere"), "{}", ran.text());
        assert_eq!(project.status("m"), "success");
        assert_eq!(project.statuses().len(), 2);
        assert_eq!(sorted(&project, "m"), ["1"]);
    }
}

#[test]
fn a_hook_knows_its_thread() {
    let project = Project::new(
        On::DuckDb,
        &[
            (
                "dbt_project.yml",
                &project_file(
                    "models:\n  +post-hook: \"insert into log values ('{{ thread_id }}')\"\n",
                ),
            ),
            ("models/m.sql", "select 1 as id"),
        ],
    );
    project.ok(&["run", "--threads", "1"]);
    assert_eq!(log(&project), ["start", "Thread-1 (worker)", "end"]);
}

#[test]
fn freshness_says_which_hook_failed() {
    let sources = "sources: [{name: s, tables: [{name: t, config: {loaded_at_field: x, freshness: \
                   {warn_after: {count: 1, period: day}}}}]}]";
    for project in Project::on_each(&[
        ("dbt_project.yml", "{name: shop, profile: shop, on-run-start: \"select * from nowhere\"}"),
        ("models/s.yml", sources),
    ]) {
        let ran = project.fails(1, &["source", "freshness"]);
        assert!(ran.text().contains("shop.on-run-start.0 failed, error:"), "{}", ran.text());
    }
}

/// As in dbt: it is no result, and ends the command once the nodes' results are written.
#[test]
fn an_end_hook_that_cannot_be_rendered_ends_the_command() {
    let project = Project::new(On::DuckDb, &[("models/m.sql", "select 1 as a")]);
    project.file(
        "dbt_project.yml",
        "name: shop\nprofile: shop\non-run-end: \"{% if execute %}{{ exceptions.raise_compiler_error('not today') }}{% endif %}\"\n",
    );
    let said = project.fails(2, &["run"]).text();
    assert!(said.contains("not today"), "{said}");
    assert_eq!(project.statuses(), [("m".to_owned(), "success".to_owned())]);
}

/// As in dbt, which takes them for nodes like any: written down, and not run.
#[test]
fn hooks_of_the_project_are_compiled() {
    let project = Project::new(
        On::DuckDb,
        &[
            (
                "dbt_project.yml",
                "name: shop\nprofile: shop\non-run-start: create table st (a int)\non-run-end: \"insert into st values ({{ results | length }})\"\n",
            ),
            ("models/a.sql", "select 1 as id"),
        ],
    );
    for command in [&["compile"][..], &["docs", "generate"]] {
        project.ok(command);
        let statuses = project.statuses();
        let mut names: Vec<&str> = statuses.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, ["a", "shop-on-run-end-0", "shop-on-run-start-0"]);
        let end = "target/compiled/shop/dbt_project.yml/hooks/shop-on-run-end-0.sql";
        assert_eq!(project.read(end), "insert into st values (0)");
    }
    project.ok(&["compile", "--select", "a"]);
    assert_eq!(project.statuses().len(), 1);
}

/// As in dbt, a hook has the schema that the project configures for its models.
#[test]
fn hooks_have_names_as_nodes_have() {
    let file = "{name: shop, profile: shop, on-run-start: select 1, models: {+schema: own}}";
    let project =
        Project::new(On::DuckDb, &[("dbt_project.yml", file), ("models/m.sql", "select 1 as id")]);
    project.ok(&["parse"]);
    let hook = &project.json("target/manifest.json")["nodes"]["operation.shop.shop-on-run-start-0"];
    assert_eq!((&hook["schema"], &hook["alias"]), (&"main_own".into(), &hook["name"]));
}

#[test]
fn end_hooks_of_freshness_see_its_results() {
    let hook = "{% for r in results %}{{ log(r.node.unique_id ~ ' is ' ~ r.status ~ ' since ' ~ \
                r.max_loaded_at, info=true) }}{% endfor %}select {{ results | length }} as n";
    let file = format!("name: shop\nprofile: shop\non-run-end: [\"{hook}\"]\n");
    let sources = "sources: [{name: raw, schema: \"{{ target.schema }}\", tables: [{name: t, config: \
                   {loaded_at_field: loaded, freshness: {warn_after: {count: 1, period: day}}}}]}]";
    for project in Project::on_each(&[
        ("dbt_project.yml", &file),
        ("seeds/t.csv", "id,loaded\n1,2024-05-01 00:00:00\n"),
        ("models/s.yml", sources),
    ]) {
        project.ok(&["seed"]);
        let said = project.ok(&["source", "freshness"]).text();
        let line = "source.shop.raw.t is warn since 2024-05-01 00:00:00+00:00";
        assert!(said.contains(line), "{said}");
        let hook =
            &project.json("target/manifest.json")["nodes"]["operation.shop.shop-on-run-end-0"];
        assert_eq!(hook["compiled_code"], "select 1 as n");
    }
}

/// As in dbt, where a node that needs no other one does not compile, the hooks that would be compiled
/// behind it are left alone: their templates may change a database.
#[test]
fn hooks_are_not_compiled_behind_an_error() {
    let hook = "on-run-end: \"{{ log('the hook is rendered', info=true) }}\"\n";
    let head = format!("name: shop\nprofile: shop\n{hook}");
    let bad =
        "{% if execute %}{{ exceptions.raise_compiler_error('bad') }}{% endif %} select 1 as id";
    let project = Project::new(
        On::DuckDb,
        &[
            ("dbt_project.yml", &head),
            ("models/good.sql", "select 1 as id"),
            ("models/bad.sql", bad),
            ("models/behind.sql", &format!("{bad} from {{{{ ref('good') }}}}")),
        ],
    );
    let times = |said: String| said.matches("the hook is rendered").count();
    let parsed = times(project.ok(&["parse"]).text());
    for (args, hooks) in [
        (&["docs", "generate"][..], 0),
        (&["docs", "generate", "--exclude", "bad"], 1),
        (&["compile", "--select", "good"], 0),
    ] {
        let ran = project.run(args);
        assert_eq!(times(ran.text()) - parsed, hooks, "{args:?}: {}", ran.text());
    }
}

/// Hooks of the project are counted by themselves, as dbt does, also around `source freshness`.
#[test]
fn hooks_have_lines_of_their_own() {
    let project = Project::new(
        On::DuckDb,
        &[
            ("dbt_project.yml", &project_file("")),
            ("models/m.sql", "select now() as seen"),
            (
                "models/s.yml",
                "sources:\n  - name: main\n    tables:\n      - name: m\n        loaded_at_field: seen\n        \
                 freshness: {warn_after: {count: 1, period: day}}\n",
            ),
        ],
    );
    let words = |args: &[&str]| {
        let lines = project.ok(args).stdout;
        let word = |line: &str| {
            let (what, how) = line.split_once(" ..")?;
            let how = how.trim_start_matches('.').split(" in ").next()?;
            Some(format!("{what}{}", how.trim_end_matches(']')))
        };
        lines.lines().filter_map(word).collect::<Vec<_>>()
    };
    let around = |started: &str, ended: &str| {
        [
            "1 of 2 START hook: shop.on-run-start.0 [RUN",
            "1 of 2 OK hook: shop.on-run-start.0 [OK",
            "2 of 2 START hook: shop.on-run-start.1 [RUN",
            "2 of 2 OK hook: shop.on-run-start.1 [OK",
            started,
            ended,
            "1 of 2 START hook: shop.on-run-end.0 [RUN",
            "1 of 2 OK hook: shop.on-run-end.0 [OK",
            "2 of 2 START hook: shop.on-run-end.1 [RUN",
            "2 of 2 OK hook: shop.on-run-end.1 [OK",
        ]
        .map(str::to_owned)
    };
    let of_model = around(
        "1 of 1 START sql view model main.m [RUN",
        "1 of 1 OK created sql view model main.m [OK",
    );
    assert_eq!(words(&["run"]), of_model);
    let of_source =
        around("1 of 1 START freshness of main.m [RUN", "1 of 1 PASS freshness of main.m [PASS");
    assert_eq!(words(&["source", "freshness"]), of_source);
    let said = project.ok(&["source", "freshness"]).text();
    assert!(said.contains("Finished running 4 project hooks, 1 source in 0 hours"), "{said}");
}
