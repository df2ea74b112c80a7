//! Tells the linker where libduckdb lies, and bakes in where the binary finds it and DuckDB's
//! extensions at run time. It never downloads or copies anything: `make setup` does that.

use std::env;
use std::path::{Path, PathBuf};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=DUCKDB_LIB_DIR");

    // A build with DuckDB compiled in needs no library, only the extensions.
    let bundled = env::var_os("CARGO_FEATURE_BUNDLED").is_some();
    let apple = env::var("CARGO_CFG_TARGET_VENDOR").is_ok_and(|vendor| vendor == "apple");
    let file = if apple { "libduckdb.dylib" } else { "libduckdb.so" };

    let dir =
        env::var_os("DUCKDB_LIB_DIR").map_or_else(|| PathBuf::from(".deps/duckdb"), PathBuf::from);
    let library = dir.join(file);
    println!("cargo::rerun-if-changed={}", library.display());

    let Ok(found) = library.canonicalize() else {
        if bundled {
            println!("cargo::rustc-env=PINTAIL_EXTENSION_DIR={}", dir.join("extensions").display());
        } else {
            println!("cargo::error={} is missing: run `make setup`", library.display());
        }
        return;
    };
    // `.deps/duckdb` holds links into a cache that outlives this clone: bake in the real folder.
    let real = found.parent().map_or_else(|| dir.clone(), Path::to_path_buf);
    println!("cargo::rustc-env=PINTAIL_EXTENSION_DIR={}", real.join("extensions").display());
    if bundled {
        return;
    }

    // An installed copy brings its own library (`bin/pintail`, `lib/libduckdb.so`), so that goes first.
    // These reach binaries, tests, benches and examples; rustdoc's tests need LD_LIBRARY_PATH.
    let origin = if apple { "@loader_path/../lib" } else { "$ORIGIN/../lib" };
    println!("cargo::rustc-link-arg=-Wl,-rpath,{origin}");
    println!("cargo::rustc-link-arg=-Wl,-rpath,{}", real.display());
    if let Ok(link) = dir.canonicalize()
        && link != real
    {
        println!("cargo::rustc-link-arg=-Wl,-rpath,{}", link.display());
    }
}
