//! Files that cannot be read or written as they are: encodings, seeds, folders.

use insta::assert_snapshot;

use crate::project::Project;

#[test]
fn invalid_utf8_in_a_model() {
    let project = Project::new("");
    project.write("models/orders.sql", b"select\n  'caf\xe9' as place\n");
    assert_snapshot!(project.run("parse"));
}

#[test]
fn invalid_utf8_in_dbt_project() {
    let project = Project::new("");
    project.write("dbt_project.yml", b"name: shop\n# caf\xe9\nprofile: shop\n");
    assert_snapshot!(project.run("parse"));
}

#[test]
fn invalid_utf8_in_profiles() {
    let project = Project::new("");
    project.write("profiles.yml", b"# caf\xe9\nshop: {}\n");
    assert_snapshot!(project.run("parse"));
}

#[test]
fn seed_with_ragged_rows() {
    let project =
        Project::new("== seeds/countries.csv\ncode,name\nde,Germany\nfr,France,Paris\nit,Italy\n");
    assert_snapshot!(project.run("seed"));
}

#[test]
fn seed_with_a_short_row() {
    let project = Project::new(
        "== seeds/countries.csv\ncode,name\nde,Germany\nfr\n== models/a.sql\nselect * from {{ ref('countries') }}\n== models/b.sql\nselect 1 as id\n",
    );
    assert_snapshot!(project.run("build --no-check"));
}

#[test]
fn seed_with_invalid_utf8() {
    let project = Project::new("");
    project.write("seeds/places.csv", b"id,name\n1,Rome\n2,caf\xe9\n");
    assert_snapshot!(project.run("seed"));
}

#[test]
fn seed_with_invalid_utf8_in_its_header() {
    let project = Project::new("");
    project.write("seeds/places.csv", b"id,caf\xe9\n1,Rome\n");
    assert_snapshot!(project.run("seed"));
}

#[test]
fn seed_without_a_header() {
    let project = Project::new("== seeds/empty.csv\n");
    assert_snapshot!(project.run("seed"));
}

#[test]
fn seed_with_two_columns_of_one_name() {
    let project = Project::new("== seeds/countries.csv\ncode,code\nde,fr\n");
    assert_snapshot!(project.run("seed"));
}

#[test]
fn seed_with_a_value_that_does_not_fit_its_type() {
    let project = Project::new(
        "== seeds/schema.yml\nseeds:\n  - name: countries\n    config: {column_types: {people: integer}}\n== seeds/countries.csv\ncode,people\nde,83000000\nfr,many\n",
    );
    assert_snapshot!(project.run("seed"));
}

/// The mark is not part of the first column's name.
#[test]
fn seed_with_a_byte_order_mark_works() {
    for engine in ["analytics", "operational"] {
        let project = Project::hybrid(&format!(
            "== seeds/schema.yml\nseeds:\n  - name: countries\n    config: {{engine: {engine}}}\n"
        ));
        project.write("seeds/countries.csv", b"\xef\xbb\xbfcode,name\nde,Germany\n");
        let seeded = project.run("seed");
        assert!(seeded.starts_with("exit code: 0\n"), "{seeded}");
        let shown = project.run("show --select countries --output json");
        assert_snapshot!("seed_with_a_byte_order_mark_shown", shown);
    }
}

/// The folder `target` cannot be made: a file has its name. (Permissions do not hold for root.)
#[test]
fn target_that_cannot_be_written() {
    let project = Project::new("== models/orders.sql\nselect 1 as id\n");
    project.write("target", "a file\n");
    for command in ["parse", "compile", "run", "build"] {
        assert_snapshot!(format!("target_that_cannot_be_written_{command}"), project.run(command));
    }
    assert_eq!(std::fs::read_to_string(project.path("target")).unwrap(), "a file\n");
}

#[test]
fn target_path_below_a_file() {
    let project = Project::new("== models/orders.sql\nselect 1 as id\n== notes.txt\nx\n");
    assert_snapshot!(project.run("build --target-path notes.txt/target"));
}

#[test]
fn unreadable_model() {
    let project = Project::new("");
    project.write("models/schema.yml", "");
    std::os::unix::fs::symlink("nowhere.sql", project.path("models/orders.sql")).unwrap();
    assert_snapshot!(project.run("parse"));
}
