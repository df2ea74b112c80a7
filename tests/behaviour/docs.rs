//! `docs generate`: the catalog on both engines.

use super::schema;
use super::support::project::{On, Project};

#[test]
fn the_catalog_lists_what_the_database_holds() {
    for project in Project::on_each(&[
        ("seeds/s.csv", "id,word\n1,a\n"),
        ("models/m.sql", "{{ config(materialized='table') }} select id, word from {{ ref('s') }}"),
        ("models/v.sql", "select * from {{ ref('m') }}"),
        ("models/absent.sql", "select 1 as id"),
        ("assets/logo.txt", "logo"),
    ]) {
        let here = schema(&project);
        project.file(
            "models/m.yml",
            &format!("sources: [{{name: raw, schema: {here}, tables: [{{name: s}}]}}]\n"),
        );
        project.file("dbt_project.yml", "name: shop\nprofile: shop\nasset-paths: [assets]\n");
        project.ok(&["build", "--exclude", "absent"]);
        project.ok(&["docs", "generate", "--static"]);
        let catalog = project.json("target/catalog.json");
        let nodes = &catalog["nodes"];
        assert_eq!(nodes.as_object().unwrap().len(), 3, "{nodes}");
        assert_eq!(nodes["model.shop.v"]["metadata"]["type"], "VIEW");
        let table = &nodes["model.shop.m"];
        assert_eq!(table["metadata"]["type"], "BASE TABLE");
        assert_eq!(table["columns"]["word"]["index"], 2);
        let types = match project.on {
            On::DuckDb => ("INTEGER", true),
            _ => ("integer", false),
        };
        assert_eq!(table["columns"]["id"]["type"], types.0);
        assert_eq!(table["metadata"]["owner"].is_null(), types.1);
        assert_eq!(catalog["sources"]["source.shop.raw.s"]["metadata"]["name"], "s");
        assert_eq!(table["stats"]["has_stats"]["value"], false);
        assert!(project.read("target/static_index.html").contains("pintail(\"index\""));
        assert_eq!(project.read("target/assets/logo.txt"), "logo");
        // The compile step is recorded, as dbt does.
        assert_eq!(project.json("target/run_results.json")["args"]["which"], "generate");

        project.ok(&["docs", "generate", "--select", "v"]);
        let nodes = project.json("target/catalog.json")["nodes"].clone();
        assert_eq!(nodes.as_object().unwrap().keys().collect::<Vec<_>>(), ["model.shop.v"]);
        project.ok(&["docs", "generate", "--no-compile", "--empty-catalog"]);
        assert_eq!(project.json("target/catalog.json")["nodes"], serde_json::json!({}));
    }
}

#[test]
fn a_project_may_say_what_the_catalog_holds() {
    let none = |name: &str| {
        format!(
            "{{% macro {name}(information_schema, asked) %}}
            {{% do exceptions.raise_compiler_error('no {name} of ' ~ (asked[0].identifier or asked[0])) %}}
            {{% endmacro %}}"
        )
    };
    let macros = none("get_catalog") + &none("get_catalog_relations");
    for project in Project::on_each(&[
        ("models/m.sql", "{{ config(materialized='table') }} select 1 as id"),
        ("macros/catalog.sql", &macros),
    ]) {
        project.ok(&["run"]);
        // dbt-postgres alone asks for relations, and only where it knows which.
        let by_schema = format!("no get_catalog of {}", schema(&project));
        let of_nodes = match project.on {
            On::DuckDb => &*by_schema,
            _ => "no get_catalog_relations of m",
        };
        let manifest = project.path().join("target/manifest.json");
        std::fs::remove_file(&manifest).unwrap();
        let ran = project.fails(1, &["docs", "generate", "--no-compile"]);
        assert!(ran.text().contains(&by_schema), "{}", ran.text());
        assert!(!manifest.exists());
        let ran = project.fails(1, &["docs", "generate"]);
        assert!(ran.text().contains(of_nodes), "{}", ran.text());
        let ran = project.fails(2, &["--warn-error", "docs", "generate"]);
        assert!(ran.text().contains(of_nodes), "{}", ran.text());
    }
}

/// A project on both engines whose tests found something.
fn shop() -> Project {
    let project = Project::new(
        On::Hybrid,
        &[
            ("seeds/orders.csv", "id,email,amount\n1,a@b.c,5\n2,d@e.f,-3\n"),
            (
                "models/orders_clean.sql",
                "{{ config(materialized='table', tags=['daily']) }}\n\
                 select id, email, amount from {{ ref('orders') }}",
            ),
            (
                "models/served.sql",
                "{{ config(engine='operational', materialized='table') }}\n\
                 select id, amount from {{ ref('orders_clean') }}",
            ),
            (
                "tests/no_debts.sql",
                "select id, email, amount from {{ ref('orders_clean') }} where amount < 0",
            ),
            (
                "models/schema.yml",
                "groups: [{name: sales, owner: {name: Ada}}]\n\
                 models:\n\
                 - name: orders_clean\n  \
                   description: \"Orders, **as they are**. <script>alert(1)</script> a | b\"\n  \
                   config: {group: sales}\n  \
                   columns:\n  \
                   - name: id\n    \
                     description: The key.\n    \
                     data_tests: [unique, not_null]\n  \
                   - {name: email, meta: {pii: true}}\n  \
                   - {name: amount, description: What it costs.}\n  \
                   - {name: gone, description: Nobody has it.}\n\
                 exposures:\n\
                 - {name: desk, type: dashboard, owner: {email: a@b.c}, depends_on: [\"ref('served')\"]}\n",
            ),
        ],
    );
    project.run(&["build"]);
    project.ok(&["run"]);
    project
}

/// A data file of the site: what is in its call.
pub fn data(project: &Project, name: &str) -> serde_json::Value {
    let text = project.read(&format!("target/site/data/{name}.js"));
    let call = format!("pintail(\"{name}\",");
    serde_json::from_str(text.trim_end().strip_prefix(&call).unwrap().strip_suffix(')').unwrap())
        .unwrap()
}

#[test]
fn the_site_tells_what_there_is_and_what_happened() {
    let project = shop();
    project.ok(&["docs", "generate"]);
    assert!(project.read("target/index.html").contains("\"site/data/index.js\""));
    let index = data(&project, "index");
    assert_eq!(index["project"], "shop");
    assert_eq!(
        index["engines"],
        serde_json::json!([
            {"name": "analytics", "type": "duckdb"}, {"name": "operational", "type": "postgres"}
        ])
    );
    assert_eq!(index["groups"][0]["owner"]["name"], "Ada");
    let nodes = index["nodes"].as_array().unwrap();
    let place = |name: &str| nodes.iter().position(|node| node[2] == name).unwrap();
    // Tests on columns have no page of their own, tests that are files have.
    let mut names: Vec<&str> = nodes.iter().map(|node| node[2].as_str().unwrap()).collect();
    names.sort_unstable();
    assert_eq!(names, ["desk", "no_debts", "orders", "orders_clean", "served"]);
    let clean = &nodes[place("orders_clean")];
    // The id follows from kind, package and name; the group and the engine are numbers.
    assert_eq!((&clean[0], &clean[1]), (&serde_json::Value::Null, &"model".into()));
    assert_eq!(
        (&clean[4], &clean[5], &clean[9]),
        (&0.into(), &0.into(), &serde_json::json!(["daily"]))
    );
    assert_eq!(clean[10], serde_json::json!([place("orders")]));
    assert_eq!(clean[11], "success");
    assert_eq!(clean[12], serde_json::json!([2, 0, 0, 2]));
    assert_eq!(nodes[place("no_debts")][12], serde_json::json!([0, 0, 1, 1]));

    assert_eq!(index["chunks"], serde_json::json!([0]));
    let details = data(&project, "nodes-0");
    let detail = &details[place("orders_clean")];
    // As written: the page makes it harmless.
    assert!(detail["description"].as_str().unwrap().contains("<script>"));
    let columns = detail["columns"].as_array().unwrap();
    let names: Vec<&str> = columns.iter().map(|column| column["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["id", "email", "amount", "gone"]);
    assert_eq!(columns[0]["type"], "INTEGER");
    assert_eq!(columns[1]["pii"], true);
    assert_eq!(columns[3]["missing"], true);
    assert!(detail["code"].as_str().unwrap().contains("ref('orders')"));
    assert!(!detail["compiled"].as_str().unwrap().contains("ref("));
    assert_eq!(detail["executions"].as_array().unwrap().len(), 2);
    let unique = &detail["tests"][0];
    assert_eq!((&unique["kind"], &unique["column"]), (&"unique".into(), &"id".into()));
    assert_eq!(unique["checks"][0][1], "pass");

    // The failing row is there, and what is personal of it is masked.
    let failing = &details[place("no_debts")]["test"]["failing"];
    assert_eq!(failing["columns"], serde_json::json!(["id", "email", "amount"]));
    assert_eq!(failing["rows"][0][0], "new");
    assert_eq!(failing["rows"][0][1][2], -3);
    assert!(!project.read("target/site/data/nodes-0.js").contains("d@e.f"));

    let served = &details[place("served")];
    assert_eq!(served["bridges"][0][0], place("orders_clean"));
    assert_eq!(served["bridges"][0][2], "operational");

    let runs = data(&project, "runs");
    assert_eq!((&runs[0]["command"], &runs[1]["command"]), (&"run".into(), &"build".into()));
    let chart = data(&project, &format!("run-{}", runs[0]["id"].as_str().unwrap()));
    let tasks = chart["tasks"].as_array().unwrap();
    assert!(tasks.iter().any(|task| task[1] == "bridge" && task[0] == place("orders_clean")));
    let worst = data(&project, "quality")["card"]["worst"][0].clone();
    assert_eq!(worst["name"], "no_debts");

    // Once more: files of the site before are gone.
    project.file("target/site/data/nodes-9.js", "");
    project.ok(&["docs", "generate", "--static"]);
    assert!(!project.path().join("target/site/data/nodes-9.js").exists());
    let page = project.read("target/static_index.html");
    assert!(page.contains("pintail(\"nodes-0\"") && !page.contains("<script>alert(1)"), "{page}");
}

#[test]
fn without_a_store_the_site_tells_of_the_last_run() {
    let project = Project::new(
        On::DuckDb,
        &[("models/m.sql", "select 1 as id"), ("models/broken.sql", "select nothing from nowhere")],
    );
    project.run(&["run"]);
    project.ok(&["docs", "generate"]);
    let index = data(&project, "index");
    assert_eq!((&index["store"], &index["runs"]), (&false.into(), &1.into()));
    let runs = data(&project, "runs");
    assert_eq!((&runs[0]["status"], &runs[0]["failed"]), (&"failed".into(), &1.into()));
    let id = runs[0]["id"].as_str().unwrap();
    let chart = data(&project, &format!("run-{id}"));
    assert_eq!(chart["tasks"].as_array().unwrap().len(), 2);

    // What compiles writes run_results.json over, and tells of no run.
    project.file("models/broken.sql", "select 2 as id");
    for command in [&["docs", "generate"][..], &["compile"], &["docs", "generate"]] {
        project.ok(command);
        assert_eq!(data(&project, "runs")[0]["id"], id, "{command:?}");
    }
    project.ok(&["run"]);
    project.ok(&["compile"]);
    project.ok(&["docs", "generate"]);
    assert_eq!(data(&project, "runs")[0]["status"], "success");
}

#[test]
fn a_wiki_has_a_page_for_each_node() {
    let project = shop();
    let ran = project.run(&["docs", "generate", "--format", "markdown"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(project.path().join("target/catalog.json").exists());
    insta::assert_snapshot!(project.read("target/wiki/_Sidebar.md"));
    insta::assert_snapshot!(project.read("target/wiki/model-orders_clean.md"));
}

#[test]
fn the_site_is_served_and_made_anew() {
    use std::io::{BufRead, BufReader, Read, Write};
    let project = Project::new(On::DuckDb, &[("models/m.sql", "select 1 as id")]);
    let mut serve = project.command(&["docs", "serve", "--port", "0"]);
    let mut server = serve.stdout(std::process::Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(server.stdout.take().unwrap()).lines();
    let said = lines.by_ref().map(Result::unwrap).find(|line| line.contains("Serving")).unwrap();
    let address = said.split("http://").nth(1).unwrap().split(' ').next().unwrap().to_owned();
    // What it prints goes on being read.
    let reader = std::thread::spawn(move || lines.for_each(drop));
    let ask = |path: &str, host: &str| {
        let mut stream = std::net::TcpStream::connect(&address).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    assert!(ask("/", "localhost").contains("/-/version"));
    assert!(ask("/site/data/nodes-0.js", "127.0.0.1:1").contains("select 1 as id"));
    assert!(ask("/../profiles.yml", "localhost").starts_with("HTTP/1.1 4"));
    assert!(ask("/", "evil.example").starts_with("HTTP/1.1 403"));
    assert!(ask("/-/version?seen=", "localhost").ends_with("\r\n\r\n1"));
    project.file("models/m.sql", "select 2 as other");
    // Answers once the site is another one.
    assert!(ask("/-/version?seen=1", "localhost").ends_with("\r\n\r\n2"));
    assert!(ask("/site/data/nodes-0.js", "localhost").contains("select 2 as other"));
    let profile = project.read("profiles.yml");
    project.file("profiles.yml", &(profile + "\n# another one\n"));
    assert!(ask("/-/version?seen=2", "localhost").ends_with("\r\n\r\n3"));
    server.kill().unwrap();
    server.wait().unwrap();
    reader.join().unwrap();
}

/// dbt renders the text of a docs block, with nothing defined.
#[test]
fn docs_blocks_are_templates() {
    let text = "{% docs one -%}{# no #}{% raw %}{{ ref('x') }}{% endraw %} is {{ 1 + 1 }}{{ x }}{%- enddocs %}";
    let project = Project::new(
        On::DuckDb,
        &[
            ("models/one.sql", "select 1 as id"),
            ("models/d.md", text),
            ("models/one.yml", "models: [{name: one, description: \"{{ doc('one') }}\"}]"),
        ],
    );
    project.ok(&["parse"]);
    let manifest = project.json("target/manifest.json");
    let shown = "{{ ref('x') }} is 2";
    assert_eq!(manifest["docs"]["doc.shop.one"]["block_contents"], shown);
    assert_eq!(manifest["nodes"]["model.shop.one"]["description"], shown);
}
