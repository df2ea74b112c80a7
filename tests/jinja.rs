//! The dbt dialect: templates render to what dbt-core makes of them (`tests/jinja/cases.txt`), and
//! errors name their place in the user's file.

#[path = "jinja/host.rs"]
mod host;

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Instant;

use host::{Project, TestHost};
use pintail::diagnostic::{Diagnostic, Location, SourceFile};

/// Template and expected text, from a file that `cases.py` wrote.
fn cases() -> Vec<(&'static str, String)> {
    let lines: Vec<&str> = include_str!("jinja/cases.txt").lines().skip(1).collect();
    lines
        .chunks(2)
        .map(|pair| {
            let expected = pair[1].strip_prefix("=> ").expect("a case has its result below it");
            (pair[0], serde_json::from_str(expected).expect("the result is JSON"))
        })
        .collect()
}

#[test]
fn templates_give_what_dbt_core_gives() {
    let project = Project::fixture();
    let mut report = String::new();
    for (number, (template, expected)) in cases().into_iter().enumerate() {
        let got = match project.render_as(&format!("case_{number}"), template) {
            Ok(text) => text,
            Err(error) => format!("ERROR {error}"),
        };
        let squeeze = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let same = if template.contains("{{ dateadd(") {
            // The built-in macros are Pintail's own: the same SQL, not the same text.
            squeeze(&got).ends_with("TEXT a || b integer")
        } else if let Some(message) = expected.strip_prefix("ERROR ") {
            // Ours has a code and a place before the message.
            got.starts_with("ERROR ") && got.ends_with(message)
        } else {
            got == expected
        };
        if !same {
            let _ = writeln!(report, "{template}\n  dbt:     {expected:?}\n  pintail: {got:?}");
        }
    }
    assert!(report.is_empty(), "\n{report}");
}

/// The diagnostic of a template, with the text at its place.
fn failing(template: &str) -> (Diagnostic, Option<String>) {
    let error = Project::fixture().render_as("model", template).expect_err("fails");
    let at = error.location.as_ref().map(|at| at.file.text[at.span.clone()].to_owned());
    (*error, at)
}

#[test]
fn errors_are_at_their_place_in_the_model() {
    let cases = [
        // template, line, column, code
        ("select 1\n  {{ nope() }}", 2, 6, "PT302"),
        ("select [1]\n{{ [1, [2]] }} {{ nope(['a']) }}", 2, 19, "PT302"),
        ("{{ ['a' ~ 'b', {'c': nope()}] }}", 1, 22, "PT302"),
        ("{{ none_such.attribute }}", 1, 4, "PT302"),
        ("{{ none_such['x'] }}", 1, 4, "PT302"),
        ("{% set xs = [1] %}\n\n{{ xs.nope() }}", 3, 4, "PT302"),
        ("select\n{{ ref('a' }}", 2, 12, "PT301"),
        ("select {% if true %}\nselect 1", 1, 8, "PT301"),
        ("{% for x in [1, 2] %}{% endif %}", 1, 25, "PT301"),
        ("{{ exceptions.raise_compiler_error('stop' ~ 1) }}", 1, 4, "PT304"),
        ("é {{ 'é' ~ nope() }}", 1, 12, "PT302"),
        ("{{ 1 | nope }}", 1, 8, "PT302"),
        ("{% call wrapper('b') %}\n{{ nope() }}{% endcall %}", 2, 4, "PT302"),
        ("{{ var('none_such') }}", 1, 4, "PT105"),
        ("{{ env_var('PINTAIL_NONE_SUCH') }}", 1, 4, "PT104"),
        ("{{ 1 + 'a' }}", 1, 4, "PT303"),
        ("{{ 'a,b' | split(',') }}", 1, 12, "PT302"),
        ("{% if 1 > 0 and 'a' < 1 %}{% endif %}", 1, 17, "PT303"),
        ("{{ defaults(1, 2, 3, 4, 5) }}", 1, 4, "PT303"),
        ("{{ defaults(zz=1) }}", 1, 4, "PT303"),
    ];
    let mut report = String::new();
    for (template, line, column, code) in cases {
        let (error, _) = failing(template);
        let at = error.location.as_ref().map(Location::line_column);
        if at != Some((line, column)) || error.code.0 != code {
            let _ = writeln!(
                report,
                "{template:?}\n  wanted {code} {line}:{column}, got {error} {at:?}"
            );
        }
    }
    assert!(report.is_empty(), "\n{report}");
}

#[test]
fn an_error_in_a_macro_names_the_macro_and_its_callers() {
    let project = Project::with(&[(
        "macros/deep.sql",
        "{% macro outer(x) %}\n  {{ inner(x) }}\n{% endmacro %}\n{% macro inner(x) %}\n\n   {{ x.missing() }}{% endmacro %}\n",
    )]);
    let error = project.render_as("m", "select 1\n, {{ outer(1) }}").expect_err("fails");
    let shown = |at: &Location| format!("{at:?}");
    assert_eq!(error.location.as_ref().map(shown).as_deref(), Some("macros/deep.sql:6:7"));
    let chain: Vec<String> = error.related.iter().map(|r| shown(&r.location)).collect();
    assert_eq!(chain, vec!["macros/deep.sql:2:6", "models/m.sql:2:6"]);
}

#[test]
fn an_error_in_a_built_in_macro_is_at_the_users_call() {
    let error = Project::fixture()
        .render_as("m", "select 1,\n  {{ get_create_sql(none, 'x') }}")
        .expect_err("fails");
    let location = error.location.expect("has a place");
    assert_eq!(location.path().to_str(), Some("models/m.sql"));
    assert_eq!(location.line_column(), (2, 6));
}

#[test]
fn misspelt_names_get_the_nearest_ones() {
    let (error, _) = failing("{{ trimed() }}");
    assert!(error.help.iter().any(|help| help.contains("`trimmed`")), "{error:?}");
    let (error, _) = failing("{{ soruce('a', 'b') }}");
    assert!(error.help.iter().any(|help| help.contains("`source`")), "{error:?}");
    let (error, _) = failing("{{ pkg.gret() }}");
    assert!(error.help.iter().any(|help| help.contains("greet")), "{error:?}");
    let (error, _) = failing("{{ adapter.dispatch('replcaed', 'pkg')() }}");
    assert!(error.help.iter().any(|help| help.contains("replaced")), "{error:?}");
}

#[test]
fn endless_recursion_is_an_error_not_a_crash() {
    let project =
        Project::with(&[("macros/r.sql", "{% macro r(n) %}{{ r(n + 1) }}{% endmacro %}")]);
    // Tests run on small stacks, as rayon's threads do.
    let error = std::thread::Builder::new()
        .stack_size(2 << 20)
        .spawn(move || project.render_as("m", "{{ r(0) }}").expect_err("fails"))
        .expect("threads start")
        .join()
        .expect("the thread ends by itself");
    assert!(error.message.contains('r'), "{error:?}");
}

#[test]
fn while_parsing_nothing_reaches_a_database() {
    let project = Project::fixture();
    let template = "{% set t = run_query('select 1') %}{{ t.columns[0].values() if execute }}|{{ t | length }}|\
         {% call statement('s', fetch_result=true) %}select 1{% endcall %}{{ load_result('s')['data'] }}|\
         {{ adapter.get_relation(database='a', schema='b', identifier='c') }}|\
         {{ adapter.get_columns_in_relation(this) }}|{{ load_relation(this) }}|{{ adapter.list_relations('a', 'b') }}|\
         {% do adapter.create_schema(this) %}{% do adapter.drop_relation(this) %}{{ is_incremental() }}";
    let host = TestHost::new("m").parsing();
    let text = project.render_with("m", template, host).expect("renders");
    assert_eq!(text, "|0||None|[]|None|[]|False");
}

#[test]
fn output_leads_back_to_the_file() {
    let project = Project::fixture();
    let file = SourceFile::new(
        "models/m.sql",
        "select {{ ['a', 'b'] | join(', ') }},\n  {{ ref('x') }} zzz",
    );
    let host = Arc::new(TestHost::new("m"));
    let span = 0..file.text.len();
    let (text, map) = project.dialect.render_with_map(&file, span, host).expect("renders");
    let at = |needle: &str| {
        let source = map.source_offset(text.find(needle).expect("is there")).expect("has a source");
        Location::new(file.clone(), source..source).line_column()
    };
    assert_eq!(at("select"), (1, 1));
    assert_eq!(at("zzz"), (2, 18));
    assert_eq!(at("\"x\"").0, 2);
    assert_eq!(at("a, b").0, 1);
}

/// Prints how long a typical model takes; run with `--release --ignored --nocapture`.
#[test]
#[ignore = "a measurement"]
fn time_of_a_typical_model() {
    let project = Project::fixture();
    let model = "{{ config(materialized='table', tags=['a', 'b']) }}\n\nwith a as (\n  select * from {{ ref('stg_a') }}\n),\n\
         b as (select * from {{ ref('stg_b') }}),\nc as (select * from {{ ref('stg_c') }})\n\
         select {{ plain() }} as x from a join b using (id) join c using (id)\n{% if is_incremental() %}where 1 = 1{% endif %}\n";
    let file = SourceFile::new("models/m.sql", model);
    let span = 0..file.text.len();
    let rounds = 20_000u32;
    for name in ["first", "second"] {
        let start = Instant::now();
        for _ in 0..rounds {
            let host = Arc::new(TestHost::new("m"));
            project.dialect.render(&file, span.clone(), host).expect("renders");
        }
        println!("{name}: {:?} a model", start.elapsed() / rounds);
    }
    let heavy = "{% set xs = [] %}{% for i in range(100) %}{% do xs.append('c' ~ i) %}{% endfor %}{{ xs | join(', ') }}";
    let file = SourceFile::new("models/h.sql", heavy);
    let start = Instant::now();
    for _ in 0..1000 {
        let host = Arc::new(TestHost::new("m"));
        project.dialect.render(&file, 0..heavy.len(), host).expect("renders");
    }
    println!("a loop of 100 appends: {:?}", start.elapsed() / 1000);
    let call = "{% for i in range(100) %}{{ defaults(i) }}{% endfor %}";
    let file = SourceFile::new("models/c.sql", call);
    let start = Instant::now();
    for _ in 0..1000 {
        let host = Arc::new(TestHost::new("m"));
        project.dialect.render(&file, 0..call.len(), host).expect("renders");
    }
    println!("100 macro calls: {:?}", start.elapsed() / 1000);
    let start = Instant::now();
    for _ in 0..100 {
        let _registry = pintail::jinja::MacroRegistry::builder("x").build();
    }
    println!("a registry of the built-in macros: {:?}", start.elapsed() / 100);
}
