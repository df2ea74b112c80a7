//! Packages: where `deps` gets them from, what the lock file says, and how they live in a project.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

use super::support::project::{On, Project};

/// A web server on this machine that gives fixed answers and notes what it was asked.
struct Server {
    url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn start(pages: impl FnOnce(&str) -> HashMap<String, Vec<u8>>) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let pages = pages(&url);
        let asked = Arc::new(Mutex::new(Vec::new()));
        let notes = asked.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
                let first = lines.next().unwrap().unwrap();
                while lines.next().is_some_and(|line| !line.unwrap().is_empty()) {}
                let path = first.split(' ').nth(1).unwrap().to_owned();
                let (status, body) = match pages.get(&path) {
                    Some(body) => ("200 OK", body.as_slice()),
                    None => ("404 Not Found", &b"none"[..]),
                };
                notes.lock().unwrap().push(path);
                let head = format!(
                    "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                    body.len()
                );
                stream.write_all(head.as_bytes()).unwrap();
                stream.write_all(body).unwrap();
            }
        });
        Server { url, asked }
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }
}

/// A gzipped tar of one folder.
fn tarball(folder: &str, files: &[(&str, &str)]) -> Vec<u8> {
    let scratch = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = scratch.path().join(folder).join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let run = Command::new("tar")
        .args(["-czf", "-", "-C", scratch.path().to_str().unwrap(), folder])
        .output()
        .unwrap();
    assert!(run.status.success());
    run.stdout
}

fn git(folder: &Path, words: &[&str]) -> String {
    let run = Command::new("git")
        .args(["-c", "user.name=t", "-c", "user.email=t@t", "-c", "init.defaultBranch=main"])
        .args(words)
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    String::from_utf8(run.stdout).unwrap().trim().to_owned()
}

fn versions(url: &str) -> String {
    let one = |version: &str, needs: &str, dbt: &str| {
        format!(
            r#""{version}": {{"name": "tools", "version": "{version}", "packages": [{needs}],
               "require_dbt_version": [{dbt}],
               "downloads": {{"tarball": "{url}/tools-{version}.tar.gz"}}}}"#
        )
    };
    let needs = r#"{"package": "acme/base", "version": [">=1.0.0"]}"#;
    format!(
        r#"{{"name": "tools", "namespace": "acme", "versions": {{{},{},{},{},{}}}}}"#,
        one("1.0.0", needs, r#"">=1.3.0", "<2.0.0""#),
        one("1.2.0", needs, r#"">=1.3.0", "<2.0.0""#),
        one("1.10.0", needs, r#"">=1.3.0", "<2.0.0""#),
        one("1.11.0", needs, r#"">=2.0.0""#),
        one("1.12.0-rc1", needs, ""),
    )
}

fn hub() -> Server {
    Server::start(|url| {
        let base = format!(
            r#"{{"name": "base", "namespace": "acme", "versions": {{"1.4.0": {{"name": "base",
               "packages": [], "downloads": {{"tarball": "{url}/base.tar.gz"}}}}}}}}"#
        );
        let mut pages: HashMap<String, Vec<u8>> = HashMap::new();
        pages.insert("/api/v1/index.json".into(), br#"["acme/tools", "acme/base"]"#.to_vec());
        pages.insert("/api/v1/acme/tools.json".into(), versions(url).into_bytes());
        pages.insert("/api/v1/acme/base.json".into(), base.into_bytes());
        for version in ["1.0.0", "1.2.0", "1.10.0", "1.12.0-rc1"] {
            let files = [
                ("dbt_project.yml", "name: tools\n"),
                ("macros/m.sql", "{% macro number() %}10{% endmacro %}"),
            ];
            pages.insert(
                format!("/tools-{version}.tar.gz"),
                tarball(&format!("dbt-tools-{version}"), &files),
            );
        }
        let files = [("dbt_project.yml", "name: base\n"), ("models/base.sql", "select 1 as id")];
        pages.insert("/base.tar.gz".into(), tarball("dbt-base", &files));
        pages
    })
}

#[test]
fn packages_of_the_hub_with_a_lock_file_and_a_cache() {
    let server = hub();
    let mut project = Project::new(
        On::DuckDb,
        &[
            (
                "packages.yml",
                "packages:\n  - package: acme/tools\n    version: [\">=1.0.0\", \"<1.12.0\"]\n",
            ),
            ("models/m.sql", "select {{ tools.number() }} + id as n from {{ ref('base') }}"),
        ],
    );
    let ran = project.fails(2, &["parse"]);
    assert!(ran.text().contains("pintail deps"), "{}", ran.text());

    let cache = tempfile::tempdir().unwrap();
    project.env("DBT_PACKAGE_HUB_URL", &server.url);
    project.env("XDG_CACHE_HOME", cache.path().to_str().unwrap());
    project.ok(&["deps"]);
    // 1.11.0 is not for this dbt, 1.12.0-rc1 a pre-release.
    let lock = project.read("package-lock.yml");
    assert_eq!(
        lock,
        "packages:\n  - name: tools\n    package: acme/tools\n    version: 1.10.0\n  - name: base\n    \
         package: acme/base\n    version: 1.4.0\nsha1_hash: 9d40e9f987cd74431b651f939e2906659d9c0334\n"
    );
    project.ok(&["build"]);
    assert_eq!(project.lines("select n from m"), ["11"]);

    // What is locked and cached needs no network.
    server.asked();
    std::fs::remove_dir_all(project.path().join("dbt_packages")).unwrap();
    project.ok(&["deps"]);
    assert!(project.path().join("dbt_packages/tools/macros/m.sql").exists());
    assert_eq!(server.asked(), Vec::<String>::new());

    project.file("packages.yml", "packages:\n  - package: acme/tools\n    version: 1.0.0\n");
    project.ok(&["deps", "--lock"]);
    assert!(project.read("package-lock.yml").contains("version: 1.0.0\n"));
    project.ok(&["deps", "--add-package", "acme/tools@>=1.1.0,<1.5.0"]);
    assert_eq!(
        project.read("packages.yml"),
        "packages:\n  - package: acme/tools\n    version:\n      - '>=1.1.0'\n      - <1.5.0\n"
    );
    assert!(project.read("package-lock.yml").contains("version: 1.2.0\n"));
    project.file("packages.yml", "packages:\n  - package: acme/tools\n    version: 1.11.0\n");
    assert!(project.fails(2, &["deps"]).text().contains("--no-version-check"));
    project.file("packages.yml", "packages:\n  - package: acme/toolz\n    version: 1.0.0\n");
    assert!(project.fails(2, &["deps"]).text().contains("acme/tools"));
}

#[test]
fn packages_of_folders_git_and_archives() {
    let elsewhere = tempfile::tempdir().unwrap();
    let repository = elsewhere.path().join("repository");
    std::fs::create_dir_all(repository.join("below/models")).unwrap();
    git(&repository, &["init", "-q"]);
    std::fs::write(repository.join("below/dbt_project.yml"), "name: of_git\n").unwrap();
    std::fs::write(repository.join("below/models/g.sql"), "select 1 as id").unwrap();
    git(&repository, &["add", "."]);
    git(&repository, &["commit", "-qm", "one"]);
    git(&repository, &["tag", "v1"]);
    let commit = git(&repository, &["rev-parse", "HEAD"]);
    std::fs::write(repository.join("below/models/g.sql"), "select 2 as id").unwrap();
    git(&repository, &["commit", "-qam", "two"]);

    let server = Server::start(|_| {
        let files = [("dbt_project.yml", "name: other\n"), ("models/t.sql", "select 3 as id")];
        HashMap::from([("/secret-token/t.tar.gz".to_owned(), tarball("some-folder", &files))])
    });
    let mut project = Project::new(
        On::DuckDb,
        &[
            (
                "packages.yml",
                "packages:
  - local: ../near
  - git: \"file://{{ env_var('REPOSITORY') }}\"
    revision: v1
    subdirectory: below
  - tarball: \"{{ env_var('SERVER') }}/{{ env_var('DBT_ENV_SECRET_TOKEN') }}/t.tar.gz\"
    name: of_tarball
",
            ),
            (
                "models/m.sql",
                "select g.id as g, t.id as t, n.id as n
                 from {{ ref('g') }} g, {{ ref('t') }} t, {{ ref('n') }} n",
            ),
            // The package that this project names itself, in a folder inside it.
            ("near/dbt_project.yml", "name: near\n"),
            ("near/models/n.sql", "select 4 as id"),
        ],
    );
    project.file("packages.yml", &project.read("packages.yml").replace("../near", "near"));
    project.env("REPOSITORY", repository.to_str().unwrap());
    project.env("SERVER", &server.url);
    project.env("DBT_ENV_SECRET_TOKEN", "secret-token");
    let ran = project.ok(&["deps"]);
    assert!(!ran.text().contains("secret-token"), "{}", ran.text());
    let lock = project.read("package-lock.yml");
    assert!(lock.contains(&format!("revision: {commit}\n    subdirectory: below\n")), "{lock}");
    assert!(lock.contains("{{ env_var(''DBT_ENV_SECRET_TOKEN'') }}"), "{lock}");
    assert!(project.path().join("dbt_packages/near").is_symlink());
    project.ok(&["build"]);
    assert_eq!(project.lines("select g, t, n from m"), ["1|3|4"]);

    // An address that leads nowhere shows no secret either.
    project.env("DBT_ENV_SECRET_TOKEN", "other-token");
    let ran = project.fails(2, &["deps", "--upgrade"]);
    assert!(ran.text().contains("*****") && !ran.text().contains("other-token"), "{}", ran.text());

    // No filter gets at a secret, so none can make a copy that no message is cleaned of.
    let packages = project.read("packages.yml");
    let filtered = "env_var('DBT_ENV_SECRET_TOKEN') | lower";
    project.file("packages.yml", &packages.replace("env_var('DBT_ENV_SECRET_TOKEN')", filtered));
    let ran = project.fails(2, &["deps", "--upgrade"]);
    assert!(ran.text().contains("no filter or function can change it"), "{}", ran.text());
    assert!(ran.text().contains("packages.yml:6:14"), "{}", ran.text());
    project.file("packages.yml", &packages);

    // The default branch is not pinned.
    let text = project.read("packages.yml").replace("    revision: v1\n", "");
    let text = &text[..text.find("  - tarball").unwrap()];
    project.file("packages.yml", text);
    assert!(project.ok(&["deps"]).text().contains("not pinned"));
    project.file("models/m.sql", "select id as g from {{ ref('g') }}");
    project.ok(&["run", "--select", "g"]);
    assert_eq!(project.lines("select id from g"), ["2"]);
    project.file("packages.yml", &format!("{text}    warn-unpinned: false\n"));
    assert!(!project.ok(&["deps"]).text().contains("not pinned"));

    project.file("dbt_project.yml", "name: near\nprofile: shop\n");
    assert!(project.fails(2, &["deps", "--upgrade"]).text().contains("name of this project"));
}

#[test]
fn deps_and_clean_need_no_profile() {
    let project = Project::new(
        On::DuckDb,
        &[
            (
                "dbt_project.yml",
                "name: shop\nprofile: shop\nclean-targets: [target, dbt_packages]\nmodels:\n  +schema: \"{{ var('none') }}\"\n",
            ),
            ("dependencies.yml", "packages:\n  - local: near\n"),
            (
                "near/dbt_project.yml",
                "name: near\nrequire-dbt-version: [\">=1.3.0\", \"<1.9.0\"]\n",
            ),
        ],
    );
    std::fs::remove_file(project.path().join("profiles.yml")).unwrap();
    project.ok(&["deps"]);
    assert!(project.path().join("dbt_packages/near/dbt_project.yml").exists());
    project.ok(&["clean"]);
    assert!(!project.path().join("dbt_packages").exists());
    assert!(project.path().join("near/dbt_project.yml").exists());
}

#[test]
fn require_dbt_version_is_checked_against_the_dbt_that_is_stood_for() {
    let project = Project::new(On::DuckDb, &[("models/m.sql", "select 1 as id")]);
    for (wanted, fits) in [
        ("\">=1.11.0\"", true),
        ("[\">=1.3.0\", \"<2.0.0\"]", true),
        ("\">=1.3.0,<1.11.0\"", false),
        ("[\">=2.0.0\"]", false),
    ] {
        let text = format!("name: shop\nprofile: shop\nrequire-dbt-version: {wanted}\n");
        project.file("dbt_project.yml", &text);
        if fits {
            project.ok(&["parse"]);
        } else {
            assert!(project.fails(2, &["parse"]).text().contains("PT110"), "{wanted}");
            project.ok(&["parse", "--no-version-check"]);
        }
    }
}

#[test]
fn packages_keep_to_themselves_and_give_way_to_the_project() {
    let project = Project::new(
        On::DuckDb,
        &[
            (
                "dbt_project.yml",
                "name: shop
profile: shop
vars: {g: root_g, pack: {p: root_for_pack}, shop: {own: root_own}}
dispatch: [{macro_namespace: pack, search_order: [shop, pack]}]
models: {pack: {+materialized: table, staging: {+schema: stg, +tags: [root]}}}
",
            ),
            (
                "macros/m.sql",
                "{% macro default__number() %}1{% endmacro %}{% macro plain() %}shop{% endmacro %}",
            ),
            (
                "models/m.sql",
                "select {{ pack.number() }} as n, '{{ plain() }}' as p, '{{ var('own') }}' as own,
                        w from {{ ref('pack', 'same') }}",
            ),
            ("models/schema.yml", "models: [{name: st, description: by the project}]\n"),
            (".dbtignore", "ignored/\n*.draft.sql\n"),
            ("models/ignored/x.sql", "select {{ none_such() }}"),
            ("models/y.draft.sql", "select {{ none_such() }}"),
            (
                "dbt_packages/pack/dbt_project.yml",
                "name: pack
vars: {p: pack_p, q: pack_q, g: pack_g}
models: {pack: {+materialized: view, staging: {+tags: [pack], +enabled: true}}}
",
            ),
            (
                "dbt_packages/pack/macros/m.sql",
                "{% macro number() %}{{ return(adapter.dispatch('number', 'pack')()) }}{% endmacro %}
                 {% macro default__number() %}2{% endmacro %}
                 {% macro plain() %}pack{% endmacro %}
                 {% macro generate_alias_name(custom_alias_name, node) %}p_{{ node.name }}{% endmacro %}",
            ),
            (
                "dbt_packages/pack/models/staging/st.sql",
                "select '{{ var('p') }} {{ var('q') }} {{ var('g') }} {{ plain() }} {{ number() }}' as v",
            ),
            ("dbt_packages/pack/models/same.sql", "select 'pack' as w"),
        ],
    );
    project.ok(&["run"]);
    // A macro of the package's own comes first in its own nodes, `dispatch:` in both.
    assert_eq!(
        project.lines("select v from main_stg.p_st"),
        ["root_for_pack pack_q root_g pack 1"]
    );
    assert_eq!(project.lines("select n, p, own, w from m"), ["1|shop|root_own|pack"]);
    let node = project.node("model.pack.st");
    assert_eq!(node["config"]["materialized"], "table");
    assert_eq!(node["tags"], serde_json::json!(["pack", "root"]));
    assert_eq!(node["description"], "by the project");
}

/// dbt's `_packages_to_search` decides for nodes, sources and functions alike.
#[test]
fn names_in_a_package_mean_the_projects_or_its_own_by_a_flag() {
    let sources = "sources: [{name: raw, tables: [{name: t}]}]
functions: [{name: plus, arguments: [{name: a, data_type: int}], returns: {data_type: int}}]
";
    let named = "name: shop\nprofile: shop\nmodels: {shop: {+schema: own}}\n";
    let project = Project::new(
        On::DuckDb,
        &[
            ("dbt_project.yml", named),
            ("models/base.sql", "select 1 as id"),
            ("models/sources.yml", sources),
            ("functions/plus.sql", "a + 1"),
            ("dbt_packages/pack/dbt_project.yml", "name: pack\n"),
            ("dbt_packages/pack/models/base.sql", "select 2 as id"),
            ("dbt_packages/pack/models/sources.yml", sources),
            ("dbt_packages/pack/functions/plus.sql", "a + 2"),
            (
                "dbt_packages/pack/models/reader.sql",
                "select {{ function('plus') }}(id) from {{ ref('base') }}, {{ source('raw', 't') }}",
            ),
        ],
    );
    let reads = |of: &str| {
        project.ok(&["parse"]);
        let nodes = project.node("model.pack.reader")["depends_on"]["nodes"].clone();
        let expected = [
            format!("source.{of}.raw.t"),
            format!("model.{of}.base"),
            format!("function.{of}.plus"),
        ];
        assert_eq!(nodes, serde_json::json!(expected));
    };
    reads("shop");
    let flags = "flags: {require_ref_searches_node_package_before_root: true}\n";
    project.file("dbt_project.yml", &format!("{named}{flags}"));
    reads("pack");
}

#[test]
fn a_project_overrides_the_source_of_a_package() {
    let project = Project::new(
        On::DuckDb,
        &[
            ("dbt_packages/pack/dbt_project.yml", "name: pack\n"),
            ("dbt_packages/pack/models/m.sql", "select * from {{ source('raw', 't') }}"),
            (
                "dbt_packages/pack/models/schema.yml",
                "sources:
  - name: raw
    schema: nowhere
    tables: [{name: t, description: old, columns: [{name: id, data_tests: [unique]}]}]
",
            ),
            (
                "models/schema.yml",
                "sources:
  - name: raw
    overrides: pack
    schema: main
    tables: [{name: t, identifier: s, columns: [{name: id, data_tests: [not_null]}]}]
",
            ),
            ("seeds/s.csv", "id\n1\n"),
        ],
    );
    project.ok(&["seed"]);
    project.ok(&["run"]);
    let tests = project.ok(&["ls", "--quiet", "--resource-type", "test", "--output", "name"]);
    assert_eq!(tests.stdout.trim(), "source_not_null_raw_t_id");
    let source = &project.json("target/manifest.json")["sources"]["source.pack.raw.t"];
    assert_eq!(source["description"], "old");
    assert_eq!(source["schema"], "main");
    project.file("models/again.yml", "sources: [{name: raw, overrides: pack, schema: main}]");
    let said = project.fails(2, &["parse"]).text();
    assert!(said.contains("two schema.yml entries for the same source named raw"), "{said}");
    assert!(said.contains("models/again.yml") && said.contains("models/schema.yml"), "{said}");
}

#[test]
fn a_package_can_keep_its_models_to_itself() {
    let project = Project::new(
        On::DuckDb,
        &[
            ("dbt_packages/pack/dbt_project.yml", "name: pack\nrestrict-access: true\n"),
            ("dbt_packages/pack/models/inner.sql", "select 1 as id"),
            (
                "dbt_packages/pack/models/outer.sql",
                "{{ config(access='public') }} select * from {{ ref('inner') }}",
            ),
            ("models/m.sql", "select * from {{ ref('outer') }}"),
        ],
    );
    project.ok(&["run"]);
    project.file("models/m.sql", "select * from {{ ref('inner') }}");
    assert!(project.fails(2, &["parse"]).text().contains("PT403"));
}

/// What a name without a package means in a macro of a package: what it means in the node that is
/// rendered (dbt-core 1.11.16). Only where nobody knows it does Pintail look at the macro's siblings.
#[test]
fn names_in_macros_of_packages_are_those_of_the_node() {
    for project in Project::on_each(&[
        ("packages.yml", "packages: [{local: near}]"),
        ("near/dbt_project.yml", "name: near\nversion: 1.0.0\n"),
        (
            "near/macros/m.sql",
            "{% macro length(text) %}sibling{% endmacro %}{% macro model() %}sibling{% endmacro %}\
             {% macro said() %}'{{ model.name }}' as said, {{ length(\"'four'\") }} as long{% endmacro %}",
        ),
        ("models/one.sql", "select {{ near.said() }}"),
    ]) {
        project.ok(&["deps"]);
        project.ok(&["compile"]);
        let sql = project.read("target/compiled/shop/models/one.sql");
        assert!(
            sql.contains("'one' as said") && sql.contains("length(") && sql.contains("'four'"),
            "{sql}"
        );
    }
}

/// As in dbt: what a package says of a seed that the project disables is said of the seed of that
/// name which is there, and so are its tests.
#[test]
fn properties_of_a_disabled_seed_are_those_of_its_namesake() {
    let project = Project::new(
        On::DuckDb,
        &[
            ("dbt_project.yml", "name: shop\nprofile: shop\nseeds: {inner: {+enabled: false}}\n"),
            ("dbt_packages/inner/dbt_project.yml", "name: inner\n"),
            ("dbt_packages/inner/seeds/rules.csv", "id\n1\n"),
            (
                "dbt_packages/inner/seeds/rules.yml",
                "seeds:
  - name: rules
    description: what counts
    config: {column_types: {id: varchar}}
    columns: [{name: id, data_tests: [unique]}]
",
            ),
            ("seeds/rules.csv", "id\n2\n"),
        ],
    );
    project.ok(&["build"]);
    let seed = project.node("seed.shop.rules");
    assert_eq!(seed["description"], "what counts");
    assert_eq!(seed["config"]["column_types"]["id"], "varchar");
    assert_eq!(project.status("unique_rules_id"), "pass");
}

/// A model of a package may be described by the project, but not by both.
#[test]
fn a_model_of_a_package_is_described_once() {
    let entry = |words: &str| format!("models: [{{name: spine, description: {words}}}]\n");
    let project = Project::new(
        On::DuckDb,
        &[
            ("dbt_packages/inner/dbt_project.yml", "name: inner\n"),
            ("dbt_packages/inner/models/spine.sql", "select 1 as id"),
            ("models/s.yml", &entry("the projects words")),
        ],
    );
    project.ok(&["parse"]);
    assert_eq!(project.node("model.inner.spine")["description"], "the projects words");
    project.file("dbt_packages/inner/models/s.yml", &entry("its own words"));
    let said = project.fails(2, &["parse"]).text();
    assert!(said.contains("`spine` is described twice"), "{said}");
    // With a model of that name in the project each has its own.
    project.file("models/spine.sql", "{{ config(alias='own') }} select 2 as id");
    project.ok(&["parse"]);
    assert_eq!(project.node("model.shop.spine")["description"], "the projects words");
    assert_eq!(project.node("model.inner.spine")["description"], "its own words");
}

/// As in dbt: what `dbt.` stands before is dbt's own, and the node that a test belongs to is looked
/// for in the package of the entry.
#[test]
fn names_of_dbt_are_dbts_and_tests_of_foreign_models_belong_to_none() {
    let project = Project::new(
        On::DuckDb,
        &[
            ("packages.yml", "packages: [{local: near}]"),
            ("near/dbt_project.yml", "name: near\nversion: 1.0.0\n"),
            ("near/models/theirs.sql", "select 1 as id"),
            (
                "near/macros/m.sql",
                "{% macro run_query(q) %}{{ return(dbt.run_query(q)) }}{% endmacro %}",
            ),
            (
                "models/s.yml",
                "models:\n  - {name: theirs, columns: [{name: id, data_tests: [not_null]}]}\n",
            ),
        ],
    );
    project.ok(&["deps"]);
    project.ok(&["parse"]);
    let manifest = project.json("target/manifest.json");
    let calls = &manifest["macros"]["macro.near.run_query"]["depends_on"]["macros"];
    assert_eq!(*calls, serde_json::json!(["macro.dbt.run_query"]));
    let nodes = manifest["nodes"].as_object().unwrap();
    let test = nodes.values().find(|node| node["resource_type"] == "test").unwrap();
    assert_eq!(test["attached_node"], serde_json::Value::Null);
    assert_eq!(test["depends_on"]["nodes"], serde_json::json!(["model.near.theirs"]));
}
