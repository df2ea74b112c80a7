//! dbt_project.yml, profiles.yml, packages.yml, flags and environment → one resolved `Config`.

mod target;

pub use target::{
    DuckDbAttach, DuckDbExtension, DuckDbParams, EngineConfig, EngineKind, EngineParams,
    PostgresParams, Secret, Target,
};
