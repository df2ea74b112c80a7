"""The projects of scripts/compat: where their check-outs lie, how their maintainers run them, and the data that they lack.

Whatever stands in for missing data is made by chance, always the same.
"""
import dataclasses
import os
import pathlib
import shutil

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROJECTS = pathlib.Path(os.environ.get("PINTAIL_COMPAT_PROJECTS") or ROOT.parent / "compat-projects")
BOTH = ("duckdb", "postgres")
AFTERWARDS = (("docs", "generate"), ("source", "freshness"), ("snapshot",), ("test", "--store-failures"),
              ("list", "--output", "json"), ("build",))
SKIP = shutil.ignore_patterns(".git", "target", "dbt_packages", "logs", "*.duckdb", ".venv")


def checkout(folder):
    """Where a project or package lies: a few are made for the comparison, and are part of this repository."""
    ours = ROOT / "tests/compat" / folder
    return ours if ours.exists() else PROJECTS / folder


@dataclasses.dataclass
class Project:
    """A check-out, and how its maintainers run it."""

    name: str
    folder: str
    engines: tuple = BOTH
    # Package name -> check-out below PINTAIL_COMPAT_PROJECTS.
    packages: dict = dataclasses.field(default_factory=dict)
    commands: tuple = (("build",),)
    # What the project's profile needs beyond the connection.
    profile: dict = dataclasses.field(default_factory=dict)
    # The name of the output, where the project's macros ask for it.
    target: str = ""
    schema: str = "made"
    # Files that the check-out lacks: path -> function that gives the text.
    files: dict = dataclasses.field(default_factory=dict)
    env: dict = dataclasses.field(default_factory=dict)
    afterwards: tuple = AFTERWARDS
    # Tables that stand in the database before the first command: function that fills a folder with a
    # CSV file for each, and their schema.
    tables: tuple = ()


def jaffle_data(data, start="2024-09-01"):
    """Orders and items in the shape of the shop's own generator, for check-outs without the large files."""
    import csv
    import datetime
    import random
    import uuid

    wanted = [data / "raw_orders.csv", data / "raw_items.csv"]
    if all(path.exists() for path in wanted):
        return
    chance = random.Random(7)
    rows = lambda name: list(csv.DictReader((data / name).open()))  # noqa: E731
    customers, products, stores = rows("raw_customers.csv"), rows("raw_products.csv"), rows("raw_stores.csv")
    start = datetime.datetime.fromisoformat(start)
    with wanted[0].open("w") as orders, wanted[1].open("w") as items:
        orders.write("id,customer,ordered_at,store_id,subtotal,tax_paid,order_total\n")
        items.write("id,order_id,sku\n")
        for _ in range(3000):
            order = uuid.UUID(int=chance.getrandbits(128), version=4)
            store = chance.choice(stores)
            chosen = chance.choices(products, k=chance.randint(1, 5))
            subtotal = sum(int(product["price"]) for product in chosen)
            tax = int(subtotal * float(store["tax_rate"]))
            at = start + datetime.timedelta(minutes=chance.randrange(365 * 24 * 60))
            orders.write(
                f"{order},{chance.choice(customers)['id']},{at.isoformat()},{store['id']},"
                f"{subtotal},{tax},{subtotal + tax}\n"
            )
            for product in chosen:
                items.write(f"{uuid.UUID(int=chance.getrandbits(128), version=4)},{order},{product['sku']}\n")


def jaffle_tables(folder):
    """The raw tables of the shop, with orders before and after the first batch of mart_finance."""
    shutil.copytree(PROJECTS / "dbt-demo/data/seeds", folder, ignore=shutil.ignore_patterns("*.md", "*.sha256"))
    jaffle_data(folder, "2025-10-01")


def synthea_concepts(file):
    """The concepts that the other seeds speak of, by made-up names, for check-outs without the large file."""
    import csv

    if file.exists():
        return
    rows = lambda path: csv.DictReader(path.open())  # noqa: E731
    ids = {row[column] for name in ("concept_ancestor_seed", "concept_relationship_seed")
           for row in rows(file.with_name(f"{name}.csv")) for column in row if "concept_id" in column}
    kinds = {"conditions": ("Condition", "SNOMED"), "procedures": ("Procedure", "SNOMED"), "observations":
             ("Measurement", "LOINC"), "medications": ("Drug", "RxNorm"), "immunizations": ("Drug", "CVX")}
    codes = sorted({(row["CODE"], *kind) for name, kind in kinds.items()
                    for row in rows(file.parent.parent / f"synthea/{name}.csv")})
    with file.open("w", newline="") as out:
        write = csv.writer(out).writerow
        write("concept_id concept_name domain_id vocabulary_id concept_class_id standard_concept concept_code "
              "valid_start_date valid_end_date invalid_reason".split())
        for at, concept in enumerate(sorted(ids, key=int)):
            code, domain, vocabulary = codes[at] if at < len(codes) else (concept, "Observation", "SNOMED")
            write([concept, f"Concept {concept}", domain, vocabulary, "Clinical Finding", "S", code,
                   "1970-01-01", "2099-12-31", ""])


def tpch_tables(folder):
    """The eight tables of TPC-H with few rows, by chance but always the same ones."""
    import csv
    import datetime
    import random

    chance = random.Random(11)
    folder.mkdir(parents=True, exist_ok=True)
    words = "carefully final deposits sleep quickly above the ironic accounts furiously regular".split()
    comment = lambda: " ".join(chance.choices(words, k=5))  # noqa: E731
    money = lambda: f"{chance.uniform(-900, 9000):.2f}"  # noqa: E731
    phone = lambda: f"{chance.randrange(10, 35)}-{chance.randrange(100, 999)}-{chance.randrange(1000, 9999)}"  # noqa: E731
    day = lambda after=0: (datetime.date(1996, 1, 1) + datetime.timedelta(days=after)).isoformat()  # noqa: E731

    def table(name, columns, rows):
        with (folder / f"{name}.csv").open("w", newline="") as out:
            write = csv.writer(out).writerow
            write(columns.split())
            for row in rows:
                write(row)

    table("region", "r_regionkey r_name r_comment",
          [(at, name, comment()) for at, name in enumerate("AFRICA AMERICA ASIA EUROPE".split())])
    table("nation", "n_nationkey n_name n_regionkey n_comment",
          [(at, f"NATION {at}", at % 4, comment()) for at in range(12)])
    table("customer", "c_custkey c_name c_address c_nationkey c_phone c_acctbal c_mktsegment c_comment",
          [(at, f"Customer#{at:09}", f"Street {at}", at % 12, phone(), money(), chance.choice(words), comment())
           for at in range(1, 61)])
    table("supplier", "s_suppkey s_name s_address s_nationkey s_phone s_acctbal s_comment",
          [(at, f"Supplier#{at:09}", f"Road {at}", at % 12, phone(), money(), comment()) for at in range(1, 13)])
    table("part", "p_partkey p_name p_mfgr p_brand p_type p_size p_container p_retailprice p_comment",
          [(at, comment(), f"Manufacturer#{at % 5}", f"Brand#{at % 9}", "STANDARD TIN", at % 50, "JUMBO BAG", money(),
            comment()) for at in range(1, 41)])
    table("partsupp", "ps_partkey ps_suppkey ps_availqty ps_supplycost ps_comment",
          [(part, (part + at) % 12 + 1, chance.randrange(9999), money(), comment()) for part in range(1, 41) for at in (0, 5)])
    table("orders", "o_orderkey o_custkey o_orderstatus o_totalprice o_orderdate o_orderpriority o_clerk o_shippriority o_comment",
          [(at, chance.randrange(1, 61), chance.choice("FOP"), money(), day(at), f"{at % 5}-URGENT", f"Clerk#{at % 7}", 0, comment())
           for at in range(1, 201)])
    table("lineitem", "l_orderkey l_partkey l_suppkey l_linenumber l_quantity l_extendedprice l_discount l_tax l_returnflag "
          "l_linestatus l_shipdate l_commitdate l_receiptdate l_shipinstruct l_shipmode l_comment",
          [(at, part := chance.randrange(1, 41), part % 12 + 1, line, chance.randrange(1, 50), money(), "0.05", "0.02", "N", "O",
            day(at + 5), day(at + 9), day(at + 12), "NONE", "RAIL", comment()) for at in range(1, 201) for line in (1, 2, 3)])


def tickit_seeds(folder):
    """Users, listings and sales of the ticket shop, by chance, for check-outs without the large files."""
    import csv
    import random

    chance = random.Random(5)
    first, _ = (folder / "event.csv").read_text().split("\n", 1)
    mark = "|" if "|" in first else ","
    events = list(csv.DictReader((folder / "event.csv").open(), delimiter=mark))[:500]

    def table(name, columns, rows):
        path = folder / f"{name}.csv"
        if not path.exists():
            with path.open("w", newline="") as out:
                csv.writer(out, delimiter=mark).writerows([columns.split(), *rows])

    likes = "likesports liketheatre likeconcerts likejazz likeclassical likeopera likerock likevegas likebroadway likemusicals"
    table("user", f"userid username firstname lastname city state email phone {likes}",
          [(at, f"USER{at:04}", f"First{at}", f"Last{at}", f"City {at % 9}", "WA", f"u{at}@example.com", f"(555) {at:04}",
            *(chance.choice(("TRUE", "FALSE", "")) for _ in likes.split())) for at in range(1, 301)])
    listings = [(at, chance.randrange(1, 301), chance.choice(events), chance.randrange(1, 12), chance.randrange(20, 400))
                for at in range(1, 801)]
    table("listing", "listid sellerid eventid dateid numtickets priceperticket totalprice listtime",
          [(at, who, event["eventid"], event["dateid"], count, f"{price}.00", f"{count * price}.00", "2008-01-24 06:43:29")
           for at, who, event, count, price in listings])
    table("sale", "salesid listid sellerid buyerid eventid dateid qtysold pricepaid commission saletime",
          [(at, one[0], one[1], chance.randrange(1, 301), one[2]["eventid"], one[2]["dateid"], count := chance.randrange(1, one[3] + 1),
            f"{count * one[4]}.00", f"{count * one[4] * .15:.2f}", "2008-02-18 02:36:48")
           for at, one in enumerate(chance.choices(listings, k=1500), 1)])


def tickit_sources(file):
    """The sources' database is that of the run."""
    file.write_text(file.read_text().replace("database: sporting_event_sales_db", "database: compat"))


def without_spaces(file):
    """dbt refuses the name of one test."""
    file.write_text(file.read_text().replace("Raw Customers 2", "raw_customers_2"))


def without_text(file):
    """What the package describes already is described again: dbt refuses that."""
    file.write_text("")


def without_database(file):
    """TPC-H's tables stand in the database of the run."""
    file.write_text(file.read_text().replace("database: duckdb_sample_data", ""))


def tuva_without_bucket(file):
    """What the project's seeds load from a bucket stays away: they keep the rows of their files."""
    file.write_text("{% macro duckdb__load_seed(uri, pattern, compression, headers, null_marker) %}{% endmacro %}\n")


LIST = [
    # dbt-labs: dbt-utils, jaffle-shop, jaffle_shop_duckdb, dbt-codegen, dbt-audit-helper, dbt-project-evaluator;
    # godatadriven/dbt-date, calogica/dbt-expectations, brooklyn-data/dbt_artifacts, elementary-data/dbt-data-reliability.
    Project("dbt-utils", "dbt-utils/integration_tests", packages={"dbt_utils": "dbt-utils"},
            commands=(("build", "--full-refresh"),)),
    Project("jaffle-shop", "jaffle-shop",
            packages={"dbt_utils": "dbt-utils", "dbt_date": "dbt-date", "audit_helper": "dbt-audit-helper"},
            commands=(("seed", "--vars", '{"load_source_data": true}'), ("build",)), files={"seeds/jaffle-data": jaffle_data}),
    Project("jaffle_shop_duckdb", "jaffle_shop_duckdb"),
    Project("dbt-date", "dbt-date/integration_tests", packages={"dbt_date": "dbt-date"}),
    Project("dbt-expectations", "dbt-expectations/integration_tests",
            packages={"dbt_expectations": "dbt-expectations", "dbt_date": "dbt-date"}),
    Project("dbt-codegen", "dbt-codegen/integration_tests",
            packages={"codegen": "dbt-codegen", "dbt_utils": "dbt-utils"}),
    Project("dbt-audit-helper", "dbt-audit-helper/integration_tests",
            packages={"audit_helper": "dbt-audit-helper", "dbt_utils": "dbt-utils"}),
    Project("dbt_artifacts", "dbt_artifacts/integration_test_project",
            packages={"dbt_artifacts": "dbt_artifacts"}),
    Project("elementary", "dbt-data-reliability/integration_tests/dbt_project",
            packages={"elementary": "dbt-data-reliability", "dbt_utils": "dbt-utils"}),
    # tuva-health/tuva (its seeds come from a bucket: offline most of its tables stay empty), OHDSI/dbt-synthea
    Project("tuva", "tuva/integration_tests", packages={"the_tuva_project": "tuva", "dbt_utils": "dbt-utils",
            "dbt_expectations": "dbt-expectations", "elementary": "dbt-data-reliability"}, engines=("duckdb",),
            files={"macros/load_seed.sql": tuva_without_bucket},
            commands=(("build", "--exclude-resource-type", "test"),), afterwards=(("list", "--output", "json"),)),
    Project("dbt-synthea", "dbt-synthea", packages={"dbt_utils": "dbt-utils", "dbt_date": "dbt-date",
            "dbt_expectations": "dbt-expectations"}, files={"seeds/vocabulary/concept_seed.csv": synthea_concepts}),
    Project("dbt-project-evaluator", "dbt-project-evaluator/integration_tests", packages={
            "dbt_project_evaluator": "dbt-project-evaluator", "dbt_utils": "dbt-utils",
            "exclude_package": "dbt-project-evaluator/integration_tests/exclude_package"}),
    Project("dbt-project-evaluator-2", "dbt-project-evaluator/integration_tests_2", packages={
            "dbt_project_evaluator": "dbt-project-evaluator", "dbt_utils": "dbt-utils"}),
    # fivetran: dbt_shopify, dbt_zendesk, dbt_jira, dbt_hubspot, dbt_stripe, dbt_fivetran_utils (branch releases/v0.4.latest)
    *(Project(f"fivetran-{name}", f"dbt_{name}/integration_tests", engines=("postgres",), packages={
              name: f"dbt_{name}", "fivetran_utils": "dbt_fivetran_utils", "dbt_utils": "dbt-utils", "dbt_date": "dbt-date"})
      for name in ("shopify", "zendesk", "jira", "hubspot", "stripe")),
    # snowplow: dbt-snowplow-unified, dbt-snowplow-utils; yu-iskw/dbt-unittest, re-data/dbt-re-data, data-mie/dbt-profiler
    Project("snowplow-unified", "dbt-snowplow-unified/integration_tests", engines=("postgres",), packages={
            "snowplow_unified": "dbt-snowplow-unified", "snowplow_utils": "dbt-snowplow-utils", "dbt_utils": "dbt-utils"}),
    Project("snowplow-utils", "dbt-snowplow-utils/integration_tests", engines=("postgres",), packages={
            "snowplow_utils": "dbt-snowplow-utils", "dbt_utils": "dbt-utils", "dbt_unittest": "dbt-unittest"}),
    Project("re-data", "dbt-re-data/integration_tests", engines=("postgres",), packages={
            "re_data": "dbt-re-data", "dbt_utils": "dbt-utils"}),
    Project("dbt-profiler", "dbt-profiler/integration_tests", packages={
            "dbt_profiler": "dbt-profiler", "dbt_utils": "dbt-utils", "dbt_expectations": "dbt-expectations",
            "dbt_date": "dbt-date"}),
    # EqualExperts/dbt-unit-testing, z3z1ma/dbt-osmosis, gouline/dbt-metabase
    Project("dbt-unit-testing", "dbt-unit-testing/integration-tests", engines=("postgres",), packages={
            "dbt_unit_testing": "dbt-unit-testing", "dbt_utils": "dbt-utils",
            "dbt_unit_testing_integration_tests_sub_package": "dbt-unit-testing/integration-tests-sub-package"}),
    Project("dbt-unittest", "dbt-unittest/integration_tests", packages={"dbt_unittest": "dbt-unittest"}),
    Project("dbt-osmosis", "dbt-osmosis/demo_duckdb"),
    Project("dbt-metabase", "dbt-metabase/sandbox"),
    # Snowflake-Labs/dbt_constraints, omnata-labs/dbt-ml-preprocessing, tnightengale/dbt-meta-testing
    Project("dbt-constraints", "dbt_constraints/integration_tests/dbt-core", engines=("postgres",), packages={
            "dbt_constraints": "dbt_constraints", "dbt_utils": "dbt-utils"}),
    Project("dbt-ml-preprocessing", "dbt-ml-preprocessing/integration_tests", packages={
            "dbt_ml_preprocessing": "dbt-ml-preprocessing", "dbt_utils": "dbt-utils-0.8"}),
    Project("dbt-meta-testing", "dbt-meta-testing/integration_tests", packages={
            "dbt_meta_testing": "dbt-meta-testing"}),
    # infinitelambda/dq-tools, davidraoulmaas/datavault4dbt-duckdb-demo with ScalefreeCOM/datavault4dbt
    Project("dq-tools", "dq-tools/integration_tests", packages={"dq_tools": "dq-tools", "dbt_utils": "dbt-utils"},
            files={"models/time_spine.yml": without_text}),
    Project("datavault4dbt", "datavault4dbt-duckdb-demo/dbt", engines=("postgres",), packages={
            "datavault4dbt": "datavault4dbt", "dbt_utils": "dbt-utils", "dbt_date": "dbt-date", "codegen": "dbt-codegen"},
            tables=(tpch_tables, "main"), files={"models/stages/sources.yml": without_database}),
    # TobikoData/sqlmesh, matsonj/nba-monte-carlo, astronomer/astronomer-cosmos, dagster-io/hooli-data-eng-pipelines
    Project("sushi", "sqlmesh/tests/fixtures/dbt/sushi_test", packages={
            name: f"sqlmesh/tests/fixtures/dbt/sushi_test/dbt_packages/{name}"
            for name in ("customers", "my_macros", "my_package")}, engines=("duckdb",)),
    Project("sushi-dbt", "sqlmesh/examples/sushi_dbt", packages={
            "customers": "sqlmesh/examples/sushi_dbt/packages/customers"}, engines=("duckdb",)),
    Project("nba-monte-carlo", "nba-monte-carlo/transform", packages={"dbt_utils": "dbt-utils"}, engines=("duckdb",)),
    Project("cosmos-jaffle", "astronomer-cosmos/dev/dags/dbt/altered_jaffle_shop", packages={"dbt_utils": "dbt-utils"}),
    Project("cosmos-versions", "astronomer-cosmos/dev/dags/dbt/model_version", packages={"dbt_utils": "dbt-utils"}),
    # Snowpile/dbt-demo: microbatch, snapshots, unit tests, versions, a strategy of its own
    Project("mart-finance", "dbt-demo/mart_finance", engines=("duckdb",), packages={"dbt_utils": "dbt-utils"},
            tables=(jaffle_tables, "raw"), target="qa", commands=(("build",), (
                "run", "--select", "tag:microbatch_demo", "--event-time-start", "2026-01-01", "--event-time-end",
                "2026-03-01"), ("build", "--full-refresh"))),
    Project("mart-operations", "dbt-demo/mart_operations", engines=("duckdb",), packages={"dbt_utils": "dbt-utils"},
            tables=(jaffle_tables, "raw"), target="qa"),
    # dbt-labs/mrr-playbook (old names; dbt-utils at 0.8.0 as dbt-utils-0.8), alexanderlazutkin/automate-dv-tpch with
    # alexanderlazutkin/automate-dv as automate-dv-duckdb, Datavault-UK/automate-dv
    Project("mrr-playbook", "mrr-playbook", packages={"dbt_utils": "dbt-utils-0.8"}),
    Project("automate-dv", "automate-dv-tpch", engines=("postgres",), packages={"automate_dv": "automate-dv",
            "dbt_utils": "dbt-utils"}, tables=(tpch_tables, "main")),
    Project("automate-dv-duckdb", "automate-dv-tpch", engines=("duckdb",), packages={"automate_dv": "automate-dv-duckdb",
            "dbt_utils": "dbt-utils"}, tables=(tpch_tables, "main"), schema="main"),
    # tnightengale/dbt-activity-schema, mjirv/dbt-datamocktool, senthilsweb/dbt-duckdb-tickit-pipeline, fivetran/dbt_github
    Project("activity-schema", "dbt-activity-schema/integration_tests", engines=("duckdb",), packages={
            "dbt_activity_schema": "dbt-activity-schema", "dbt_utils": "dbt-utils"}),
    Project("datamocktool", "dbt-datamocktool/integration_tests", packages={"dbt_datamocktool": "dbt-datamocktool",
            "dbt_utils": "dbt-utils", "audit_helper": "dbt-audit-helper"}, commands=(("seed",), ("run", "--full-refresh"), ("run",), ("test",)), schema="jaffle_shop",
            files={"models/staging/schema.yml": without_spaces}),
    Project("tickit", "dbt-duckdb-tickit-pipeline", engines=("duckdb",), packages={"codegen": "dbt-codegen",
            "dbt_date": "dbt-date", "dbt_utils": "dbt-utils", "elementary": "dbt-data-reliability",
            "dbt_external_tables": "dbt-external-tables"}, schema="raw", commands=(("seed",), ("build",)),
            files={"seeds": tickit_seeds, "models/staging/tickit/tickit__sources.yml": tickit_sources}),
    Project("fivetran-github", "dbt_github/integration_tests", engines=("postgres",), packages={"github": "dbt_github",
            "fivetran_utils": "dbt_fivetran_utils", "dbt_utils": "dbt-utils"}, schema="github_integration_tests_1"),
    # In tests/compat: snapshots and microbatch over three rounds of changed rows.
    Project("made-histories", "made-histories", commands=(("build",), ("build", "--vars", '{"round": 2}'),
            ("build", "--vars", '{"round": 3}'), ("run", "--select", "by_day by_month by_day_of_view", "--event-time-start", "2026-11-21",
             "--event-time-end", "2026-11-24"), ("run", "--full-refresh", "--select", "by_day by_month by_year by_hour"))),
    Project("hooli", "hooli-data-eng-pipelines/dbt_project", packages={"dbt_utils": "dbt-utils"}, engines=("duckdb",)),
]
