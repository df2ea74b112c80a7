//! libduckdb, loaded when a database is first opened.
//!
//! Loading it takes longer than reading a hundred models: the loader has 60,000 of its symbols to
//! look up. Commands that open no database do not pay for that. So the functions that the crate
//! `duckdb` calls are defined here, and each jumps to the library's own once that is loaded. On
//! systems that this does not know, the binary is linked to the library as usual.

use crate::engine::SqlResult;

/// Loads the library, once; before this no function of the crate `duckdb` may be called.
///
/// # Errors
/// `CONNECT` where the library is missing, or is not the one that Pintail was built for.
pub(in crate::engine) fn load() -> SqlResult<()> {
    #[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
    lazy::load()?;
    Ok(())
}

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod lazy {
    use std::ffi::c_void;
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicPtr, Ordering};

    use libloading::Library;

    use crate::diagnostic::Code;
    use crate::engine::{EngineError, SqlResult};

    const FILE: &str = "libduckdb.so";

    /// Where the library's functions are, in the order of [`NAMES`].
    static ADDRESSES: [AtomicPtr<c_void>; NAMES.len()] =
        [const { AtomicPtr::new(not_loaded as *mut c_void) }; NAMES.len()];

    extern "C" fn not_loaded() -> ! {
        panic!("a DuckDB function was called before the library was loaded")
    }

    pub(super) fn load() -> SqlResult<()> {
        static LOADED: OnceLock<Result<(), String>> = OnceLock::new();
        LOADED.get_or_init(resolve).clone().map_err(|reason| {
            EngineError::of(Code::CONNECT, format!("DuckDB's library {FILE} cannot be loaded"))
                .note(reason)
                .help("Run `make setup`, or reinstall Pintail: the library belongs beside it.")
        })
    }

    fn resolve() -> Result<(), String> {
        // SAFETY: libduckdb's initializers are those of a plain C++ library.
        let library = unsafe { Library::new(FILE) }.map_err(|error| error.to_string())?;
        for (name, slot) in NAMES.iter().zip(&ADDRESSES) {
            // SAFETY: only the address is taken; the crate `duckdb` calls it with its own types.
            let found = unsafe { library.get::<*mut c_void>(name.as_bytes()) };
            slot.store(*found.map_err(|error| error.to_string())?, Ordering::Release);
        }
        // It stays for as long as the process does.
        std::mem::forget(library);
        Ok(())
    }

    /// Defines a function under each name: a jump to the address in its slot, with all arguments
    /// left where they are.
    macro_rules! functions {
        ($($name:ident)*) => {
            const NAMES: &[&str] = &[$(stringify!($name)),*];

            #[allow(non_camel_case_types, clippy::enum_variant_names)]
            enum Slot { $($name),* }

            $(std::arch::global_asm!(
                concat!(".globl ", stringify!($name)),
                concat!(".hidden ", stringify!($name)),
                concat!(".type ", stringify!($name), ", @function"),
                concat!(stringify!($name), ":"),
                #[cfg(target_arch = "x86_64")]
                "jmp qword ptr [rip + {addresses} + {offset}]",
                #[cfg(target_arch = "aarch64")]
                "adrp x16, {addresses} + {offset}",
                #[cfg(target_arch = "aarch64")]
                "ldr x16, [x16, :lo12:{addresses} + {offset}]",
                #[cfg(target_arch = "aarch64")]
                "br x16",
                addresses = sym ADDRESSES,
                offset = const Slot::$name as usize * size_of::<AtomicPtr<c_void>>(),
            );)*
        };
    }

    // What the linker asks for: `nm -D` of a release binary without this file lists them.
    functions! {
        duckdb_array_type_child_type duckdb_bind_blob duckdb_bind_boolean duckdb_bind_date
        duckdb_bind_decimal duckdb_bind_double duckdb_bind_float duckdb_bind_hugeint
        duckdb_bind_int16 duckdb_bind_int32 duckdb_bind_int64 duckdb_bind_int8
        duckdb_bind_interval duckdb_bind_null duckdb_bind_time duckdb_bind_timestamp
        duckdb_bind_uhugeint duckdb_bind_uint16 duckdb_bind_uint32 duckdb_bind_uint64
        duckdb_bind_uint8 duckdb_bind_varchar_length duckdb_clear_bindings duckdb_close
        duckdb_column_count duckdb_column_logical_type duckdb_column_name duckdb_connect
        duckdb_create_config duckdb_data_chunk_get_size duckdb_data_chunk_to_arrow
        duckdb_decimal_scale duckdb_decimal_width duckdb_destroy_arrow_options
        duckdb_destroy_config duckdb_destroy_data_chunk duckdb_destroy_error_data
        duckdb_destroy_extracted duckdb_destroy_logical_type duckdb_destroy_prepare
        duckdb_destroy_result duckdb_disconnect duckdb_error_data_error_type
        duckdb_error_data_has_error duckdb_error_data_message duckdb_execute_prepared
        duckdb_execute_prepared_streaming duckdb_extract_statements
        duckdb_extract_statements_error duckdb_fetch_chunk duckdb_free duckdb_get_type_id
        duckdb_interrupt duckdb_list_type_child_type duckdb_logical_type_get_alias
        duckdb_map_type_key_type duckdb_map_type_value_type duckdb_nparams duckdb_open_ext
        duckdb_prepare_error duckdb_prepare_extracted_statement
        duckdb_prepared_statement_column_count duckdb_prepared_statement_column_logical_type
        duckdb_prepared_statement_type duckdb_query duckdb_result_error
        duckdb_result_get_arrow_options duckdb_row_count duckdb_rows_changed duckdb_set_config
        duckdb_struct_type_child_count duckdb_struct_type_child_name duckdb_struct_type_child_type
        duckdb_to_arrow_schema duckdb_union_type_member_count duckdb_union_type_member_name
        duckdb_union_type_member_type
    }

    #[cfg(test)]
    mod tests {
        #[test]
        fn the_library_has_every_function() {
            super::load().expect("loads");
        }
    }
}
