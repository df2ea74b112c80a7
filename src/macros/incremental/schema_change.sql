{# on_schema_change: what happens when the query of an incremental model has other columns than the
   table that it fills: ignore, fail, append_new_columns, sync_all_columns. #}

{% macro incremental_validate_on_schema_change(on_schema_change, default='ignore') -%}
    {%- if on_schema_change in ['sync_all_columns', 'append_new_columns', 'fail', 'ignore'] -%}
        {% do return(on_schema_change) %}
    {%- endif -%}
    {% do log('Invalid value for on_schema_change (' ~ on_schema_change ~ ') specified. Setting default value of ' ~ default ~ '.') %}
    {% do return(default) %}
{%- endmacro %}

{# Columns whose names are in the first list and not in the second. #}
{% macro diff_columns(source_columns, target_columns) -%}
    {%- set known = target_columns | map(attribute='name') | list -%}
    {%- set missing = [] -%}
    {%- for column in source_columns -%}
        {%- if column.name not in known -%}
            {%- do missing.append(column) -%}
        {%- endif -%}
    {%- endfor -%}
    {% do return(missing) %}
{%- endmacro %}

{# Columns in both lists whose types differ, with the type of the first, as dicts of column_name and
   new_type. A text that merely grows is none of them. #}
{% macro diff_column_data_types(source_columns, target_columns) -%}
    {% do return(adapter.dispatch('diff_column_data_types', 'dbt')(source_columns, target_columns)) %}
{%- endmacro %}

{% macro default__diff_column_data_types(source_columns, target_columns) -%}
    {%- set changed = [] -%}
    {%- for old in target_columns -%}
        {%- for new in source_columns -%}
            {%- if new.name == old.name and new.data_type != old.data_type and not new.can_expand_to(other_column=old) -%}
                {%- do changed.append({'column_name': old.name, 'new_type': new.data_type}) -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endfor -%}
    {% do return(changed) %}
{%- endmacro %}

{% macro check_for_schema_changes(source_relation, target_relation) -%}
    {% do return(adapter.dispatch('check_for_schema_changes', 'dbt')(source_relation, target_relation)) %}
{%- endmacro %}

{% macro default__check_for_schema_changes(source_relation, target_relation) -%}
    {%- set source_columns = adapter.get_columns_in_relation(source_relation) -%}
    {%- set target_columns = adapter.get_columns_in_relation(target_relation) -%}
    {%- set added = diff_columns(source_columns, target_columns) -%}
    {%- set removed = diff_columns(target_columns, source_columns) -%}
    {%- set retyped = diff_column_data_types(source_columns, target_columns) -%}
    {%- set changed = (added | length) + (removed | length) + (retyped | length) > 0 -%}
    {%- if changed -%}
        {% do log('Columns of ' ~ target_relation ~ ': new ' ~ added ~ ', gone ' ~ removed ~ ', of another type ' ~ retyped) %}
    {%- endif -%}
    {% do return({
        'schema_changed': changed,
        'source_not_in_target': added,
        'target_not_in_source': removed,
        'source_columns': source_columns,
        'target_columns': target_columns,
        'new_target_types': retyped
    }) %}
{%- endmacro %}

{% macro sync_column_schemas(on_schema_change, target_relation, schema_changes_dict) -%}
    {% do return(adapter.dispatch('sync_column_schemas', 'dbt')(on_schema_change, target_relation, schema_changes_dict)) %}
{%- endmacro %}

{% macro default__sync_column_schemas(on_schema_change, target_relation, schema_changes_dict) -%}
    {%- set added = schema_changes_dict['source_not_in_target'] -%}
    {%- set removed = schema_changes_dict['target_not_in_source'] if on_schema_change == 'sync_all_columns' else [] -%}
    {%- if on_schema_change in ['append_new_columns', 'sync_all_columns'] and (added or removed) -%}
        {%- do alter_relation_add_remove_columns(target_relation, added, removed) -%}
    {%- endif -%}
    {%- if on_schema_change == 'sync_all_columns' -%}
        {%- for change in schema_changes_dict['new_target_types'] -%}
            {%- do alter_column_type(target_relation, change['column_name'], change['new_type']) -%}
        {%- endfor -%}
    {%- endif -%}
    {% do log('Columns of ' ~ target_relation ~ ' brought in line by ' ~ on_schema_change) %}
{%- endmacro %}

{# Gives the columns to insert; an empty dict where changes are ignored. #}
{% macro process_schema_changes(on_schema_change, source_relation, target_relation) -%}
    {% do return(adapter.dispatch('process_schema_changes', 'dbt')(on_schema_change, source_relation, target_relation)) %}
{%- endmacro %}

{% macro default__process_schema_changes(on_schema_change, source_relation, target_relation) -%}
    {%- if on_schema_change == 'ignore' -%}
        {% do return({}) %}
    {%- endif -%}
    {%- set changes = check_for_schema_changes(source_relation, target_relation) -%}
    {%- if changes['schema_changed'] -%}
        {%- if on_schema_change == 'fail' -%}
            {% do exceptions.raise_compiler_error(schema_change_message(target_relation, changes)) %}
        {%- endif -%}
        {%- do sync_column_schemas(on_schema_change, target_relation, changes) -%}
    {%- endif -%}
    {% do return(changes['source_columns']) %}
{%- endmacro %}

{% macro schema_change_message(target_relation, changes) -%}
The source and target schemas on this incremental model are out of sync!
  {{ target_relation }} has other columns than its query:
    Source columns not in target: {{ changes['source_not_in_target'] | map(attribute='name') | join(', ') }}
    Target columns not in source: {{ changes['target_not_in_source'] | map(attribute='name') | join(', ') }}
    New column types: {{ changes['new_target_types'] }}
  Set `on_schema_change` to append_new_columns or sync_all_columns, run the model with --full-refresh, or alter the table by hand.
{%- endmacro %}
