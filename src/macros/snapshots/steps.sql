{# What taking a snapshot does. From the first statement to the commit it is one transaction, so that
   no reader sees old versions ended and the new ones not yet there. #}

{% materialization snapshot, default -%}
    {%- set found = get_or_create_relation(database=model.database, schema=model.schema, identifier=model.alias, type='table') -%}
    {%- set exists = found[0] -%}
    {%- set target_relation = found[1] -%}
    {%- if not target_relation.is_table -%}
        {% do exceptions.relation_wrong_type(target_relation, 'table') %}
    {%- endif -%}

    {{ run_hooks(pre_hooks, inside_transaction=false) }}
    {{ run_hooks(pre_hooks, inside_transaction=true) }}

    {%- set strategy = strategy_dispatch(config.get('strategy'))(model, 'snapshotted_data', 'source_data', model['config'], exists) -%}
    {%- if exists -%}
        {% do snapshot_assert_target(target_relation, snapshot_columns(), strategy) %}
        {% do check_time_data_types(snapshot_staging_table(strategy, sql, target_relation)) %}
        {%- set staging = build_snapshot_staging_table(strategy, sql, target_relation) -%}
        {%- set change = snapshot_changes(target_relation, staging, strategy) -%}
    {%- else -%}
        {%- set staging = none -%}
        {%- set query = build_snapshot_table(strategy, sql) -%}
        {% do check_time_data_types(query) %}
        {%- set change = create_table_as(false, target_relation, query) -%}
    {%- endif -%}
    {% call statement('main') -%}
        {{ change }}
    {%- endcall %}

    {% do apply_grants(target_relation, config.get('grants'), should_revoke=should_revoke(exists, full_refresh_mode=false)) %}
    {% do persist_docs(target_relation, model) %}
    {%- if not exists -%}
        {% do create_indexes(target_relation) %}
    {%- endif -%}
    {{ run_hooks(post_hooks, inside_transaction=true) }}
    {%- if staging -%}
        {% do post_snapshot(staging) %}
    {%- endif -%}
    {% do adapter.commit() %}
    {{ run_hooks(post_hooks, inside_transaction=false) }}
    {% do return({'relations': [target_relation]}) %}
{%- endmaterialization %}

{# The statement that works a table of changes into a snapshot, which gets the columns that it lacks. #}
{% macro snapshot_changes(target_relation, staging, strategy) -%}
    {% do snapshot_expand_columns(staging, target_relation) %}
    {%- set own = snapshot_staging_column_names(strategy.unique_key) -%}
    {% do create_columns(target_relation, adapter.get_missing_columns(staging, target_relation) | rejectattr('name', 'in', own) | list) %}
    {%- set names = [] -%}
    {%- for column in adapter.get_columns_in_relation(staging) | rejectattr('name', 'in', own) -%}
        {%- do names.append(adapter.quote(column.name)) -%}
    {%- endfor -%}
    {% do return(snapshot_merge_sql(target_relation, staging, names)) %}
{%- endmacro %}

{# The columns of the table of changes that the snapshot does not have. #}
{% macro snapshot_staging_column_names(unique_key) -%}
    {%- set names = ['dbt_change_type', 'DBT_CHANGE_TYPE', 'dbt_unique_key', 'DBT_UNIQUE_KEY'] -%}
    {%- if unique_key is not string -%}
        {%- for key in unique_key -%}
            {%- do names.append('dbt_unique_key_' ~ loop.index) -%}
            {%- do names.append('DBT_UNIQUE_KEY_' ~ loop.index) -%}
        {%- endfor -%}
    {%- endif -%}
    {% do return(names) %}
{%- endmacro %}

{# A table that no snapshot made has to stay as it is. #}
{% macro snapshot_assert_target(target_relation, column_names=none, strategy=none) -%}
    {%- set names = column_names or snapshot_columns() -%}
    {%- set wanted = ['dbt_scd_id', 'dbt_valid_from', 'dbt_valid_to'] -%}
    {%- if strategy and strategy.hard_deletes == 'new_record' -%}
        {%- do wanted.append('dbt_is_deleted') -%}
    {%- endif -%}
    {%- set existing = adapter.get_columns_in_relation(target_relation) | map(attribute='name') | map('lower') | list -%}
    {%- set missing = [] -%}
    {%- for name in wanted -%}
        {%- if names[name] | lower not in existing -%}
            {%- do missing.append('"' ~ names[name] ~ '"') -%}
        {%- endif -%}
    {%- endfor -%}
    {%- if missing -%}
        {% do exceptions.raise_compiler_error('Snapshot target is missing configured columns (missing ' ~ (missing | join(', ')) ~ '). See https://docs.getdbt.com/docs/build/snapshots#snapshot-meta-fields for more information.') %}
    {%- endif -%}
{%- endmacro %}

{# Text columns of a limited length get the length of the text that is to come. #}
{% macro snapshot_expand_columns(staging, target_relation) -%}
    {%- set wanted = {} -%}
    {%- for column in adapter.get_columns_in_relation(staging) -%}
        {%- do wanted.update({column.name: column}) -%}
    {%- endfor -%}
    {%- for column in adapter.get_columns_in_relation(target_relation) -%}
        {%- set new = wanted.get(column.name) -%}
        {%- if new and column.char_size and new.is_string() and (new.char_size is none or new.char_size > column.char_size) -%}
            {% do alter_column_type(target_relation, column.name, new.data_type) %}
        {%- endif -%}
    {%- endfor -%}
{%- endmacro %}
