{# microbatch: one batch of time at a time. DuckDB replaces the rows of the batch, PostgreSQL merges
   them by key. #}

{% macro get_incremental_microbatch_sql(arg_dict) -%}
    {% do return(adapter.dispatch('get_incremental_microbatch_sql', 'dbt')(arg_dict)) %}
{%- endmacro %}

{% macro default__get_incremental_microbatch_sql(arg_dict) -%}
    {% do exceptions.raise_compiler_error('microbatch materialization strategy not implemented for adapter ' ~ adapter.type()) %}
{%- endmacro %}

{% macro postgres__get_incremental_microbatch_sql(arg_dict) -%}
    {%- if not arg_dict['unique_key'] -%}
        {% do exceptions.raise_compiler_error("dbt-postgres 'microbatch' requires a `unique_key` config") %}
    {%- endif -%}
    {% do return(get_incremental_merge_sql(arg_dict)) %}
{%- endmacro %}

{% macro duckdb__get_incremental_microbatch_sql(arg_dict) -%}
    {%- set event_time = config.get('event_time') -%}
    {%- if not event_time -%}
        {% do exceptions.raise_compiler_error("microbatch incremental strategy requires an 'event_time' model config") %}
    {%- elif config.get('unique_key') -%}
        {% do exceptions.raise_compiler_error("microbatch incremental strategy does not support 'unique_key': it replaces the rows of each batch by their 'event_time'. Remove 'unique_key' or use incremental_strategy='merge'.") %}
    {%- endif -%}
    {%- set batch = model.get('batch') or {} -%}
    {%- if not (batch.get('event_time_start') and batch.get('event_time_end')) -%}
        {% do exceptions.raise_compiler_error("microbatch incremental strategy requires 'batch.event_time_start' and 'batch.event_time_end' to be set in the context") %}
    {%- endif -%}
    {%- set in_batch = event_time ~ " >= '" ~ batch.get('event_time_start') ~ "' and " ~ event_time ~ " < '" ~ batch.get('event_time_end') ~ "'" -%}
    {%- set columns = get_quoted_csv(arg_dict['dest_columns'] | map(attribute='name')) -%}
    {%- set sql %}
    delete from {{ arg_dict['target_relation'] }}
    where {{ in_batch }}
    {%- for predicate in normalize_incremental_predicates(arg_dict.get('incremental_predicates')) %}
        and ({{ predicate }})
    {%- endfor %};

    insert into {{ arg_dict['target_relation'] }} ({{ columns }})
    select {{ columns }}
    from {{ arg_dict['temp_relation'] }}
    where {{ in_batch }};
    {%- endset -%}
    {% do return(sql) %}
{%- endmacro %}
