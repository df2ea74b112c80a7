{# A snapshot's queries: its first table, and the table of changes that a later run works off. In
   the latter dbt_change_type says what a row is: insert (a new version), update or delete (an end
   date for an old one, found by its scd id). #}

{% macro build_snapshot_table(strategy, sql) -%}
    {{- adapter.dispatch('build_snapshot_table', 'dbt')(strategy, sql) -}}
{%- endmacro %}

{% macro default__build_snapshot_table(strategy, sql) %}
    {%- set columns = snapshot_columns() %}
    select
        *,
        {{ strategy.scd_id }} as {{ columns.dbt_scd_id }},
        {{ strategy.updated_at }} as {{ columns.dbt_updated_at }},
        {{ strategy.updated_at }} as {{ columns.dbt_valid_from }},
        {{ get_dbt_valid_to_current(strategy, columns) }}
        {%- if strategy.hard_deletes == 'new_record' %},
        'False' as {{ columns.dbt_is_deleted }}
        {%- endif %}
    from (
{{ sql }}
    ) sbq
{% endmacro %}

{% macro snapshot_staging_table(strategy, source_sql, target_relation) -%}
    {{- adapter.dispatch('snapshot_staging_table', 'dbt')(strategy, source_sql, target_relation) -}}
{%- endmacro %}

{# All parts have the columns of the query, the keys, updated_at, valid_from, valid_to, scd_id and,
   with new_record, is_deleted, in this order. The aliases snapshotted_data and source_data are what
   a strategy writes its conditions with. #}
{% macro default__snapshot_staging_table(strategy, source_sql, target_relation) -%}
    {%- set columns = snapshot_columns() -%}
    {%- set key = strategy.unique_key -%}
    {%- set new_record = strategy.hard_deletes == 'new_record' -%}
    {%- set find_deletes = new_record or strategy.hard_deletes == 'invalidate' -%}
    {%- set same_key = unique_key_join_on(key, 'snapshotted_data', 'source_data') -%}
    {%- set was_deleted = "snapshotted_data." ~ columns.dbt_is_deleted ~ " = 'True'" -%}
    {%- set changed = strategy.row_changed ~ (' or ' ~ was_deleted if new_record else '') -%}
    with snapshot_query as (
{{ source_sql }}
    ),

    snapshotted_data as (
        select *, {{ unique_key_fields(key) }}
        from {{ target_relation }}
        where {{ snapshot_is_current('', columns) }}
    ),

    keyed_data as (
        select *, {{ unique_key_fields(key) }}
        from snapshot_query
    ),

    new_versions as (
        select
            *,
            {{ strategy.updated_at }} as {{ columns.dbt_updated_at }},
            {{ strategy.updated_at }} as {{ columns.dbt_valid_from }},
            {{ get_dbt_valid_to_current(strategy, columns) }},
            {{ strategy.scd_id }} as {{ columns.dbt_scd_id }}
        from keyed_data
    ),

    ends_of_versions as (
        select
            *,
            {{ strategy.updated_at }} as {{ columns.dbt_updated_at }},
            {{ strategy.updated_at }} as {{ columns.dbt_valid_from }},
            {{ strategy.updated_at }} as {{ columns.dbt_valid_to }}
        from keyed_data
    ),

    insertions as (
        select
            'insert' as dbt_change_type,
            source_data.*
            {%- if new_record %},
            'False' as {{ columns.dbt_is_deleted }}
            {%- endif %}
        from new_versions as source_data
        left join snapshotted_data on {{ same_key }}
        where {{ unique_key_is_null(key, 'snapshotted_data') }}
           or ({{ unique_key_is_not_null(key, 'snapshotted_data') }} and ({{ changed }}))
    ),

    updates as (
        select
            'update' as dbt_change_type,
            source_data.*,
            snapshotted_data.{{ columns.dbt_scd_id }}
            {%- if new_record %},
            snapshotted_data.{{ columns.dbt_is_deleted }}
            {%- endif %}
        from ends_of_versions as source_data
        join snapshotted_data on {{ same_key }}
        where {{ changed }}
    )
    {%- if find_deletes %},

    deletes as (
        select
            'delete' as dbt_change_type,
            source_data.*,
            {{ snapshot_get_time() }} as {{ columns.dbt_updated_at }},
            {{ snapshot_get_time() }} as {{ columns.dbt_valid_from }},
            {{ snapshot_get_time() }} as {{ columns.dbt_valid_to }},
            snapshotted_data.{{ columns.dbt_scd_id }}
            {%- if new_record %},
            snapshotted_data.{{ columns.dbt_is_deleted }}
            {%- endif %}
        from snapshotted_data
        left join keyed_data as source_data on {{ same_key }}
        where {{ unique_key_is_null(key, 'source_data') }}
        {%- if new_record %}
          and not ({{ was_deleted }} and {{ snapshot_deletion_is_current(columns) }})
        {%- endif %}
    )
    {%- endif %}
    {%- if new_record %},

    deletion_records as (
        select
            'insert' as dbt_change_type,
            {%- set existing = get_list_of_column_names(get_columns_in_relation(target_relation)) %}
            {%- for name in get_columns_in_query(source_sql) %}
            {{ 'snapshotted_data' if name in existing else 'source_data' }}.{{ adapter.quote(name) }},
            {%- endfor %}
            {{ snapshot_key_of_deletion(key) }},
            {{ snapshot_get_time() }} as {{ columns.dbt_updated_at }},
            {{ snapshot_get_time() }} as {{ columns.dbt_valid_from }},
            snapshotted_data.{{ columns.dbt_valid_to }} as {{ columns.dbt_valid_to }},
            {{ snapshot_hash_arguments(['snapshotted_data.' ~ columns.dbt_scd_id, snapshot_get_time()]) }} as {{ columns.dbt_scd_id }},
            'True' as {{ columns.dbt_is_deleted }}
        from snapshotted_data
        left join keyed_data as source_data on {{ same_key }}
        where {{ unique_key_is_null(key, 'source_data') }}
          and not ({{ was_deleted }} and {{ snapshot_deletion_is_current(columns) }})
    )
    {%- endif %}

    select * from insertions
    union all
    select * from updates
    {%- if find_deletes %}
    union all
    select * from deletes
    {%- endif %}
    {%- if new_record %}
    union all
    select * from deletion_records
    {%- endif %}
{%- endmacro %}

{# A key that was deleted before gets no second record of it. #}
{% macro snapshot_deletion_is_current(columns) -%}
    {%- set current = config.get('dbt_valid_to_current') -%}
    snapshotted_data.{{ columns.dbt_valid_to }} {{ '= ' ~ current if current else 'is null' }}
{%- endmacro %}

{% macro snapshot_key_of_deletion(unique_key) -%}
    {%- if unique_key is string -%}
    snapshotted_data.dbt_unique_key as dbt_unique_key
    {%- else -%}
        {%- for key in unique_key -%}
    snapshotted_data.dbt_unique_key_{{ loop.index }} as dbt_unique_key_{{ loop.index }}{{ ', ' if not loop.last else '' }}
        {%- endfor -%}
    {%- endif -%}
{%- endmacro %}

{# On DuckDB a plain table under a name of its own, as dbt-duckdb makes it: post_snapshot drops it. #}
{% macro build_snapshot_staging_table(strategy, sql, target_relation) -%}
    {%- set staging = make_temp_relation(target_relation) -%}
    {%- set query = snapshot_staging_table(strategy, sql, target_relation) -%}
    {% call statement('build_snapshot_staging_relation') -%}
        {{ create_table_as(target.type != 'duckdb', staging, query) }}
    {%- endcall %}
    {% do return(staging) %}
{%- endmacro %}
