{# The columns that a snapshot adds to those of its query, and the keys that its steps join on. #}

{% macro get_snapshot_table_column_names() -%}
    {% do return({
        'dbt_valid_to': 'dbt_valid_to',
        'dbt_valid_from': 'dbt_valid_from',
        'dbt_scd_id': 'dbt_scd_id',
        'dbt_updated_at': 'dbt_updated_at',
        'dbt_is_deleted': 'dbt_is_deleted'
    }) %}
{%- endmacro %}

{# The same with the names that the config snapshot_meta_column_names gives. #}
{% macro snapshot_columns() -%}
    {%- set names = get_snapshot_table_column_names() -%}
    {%- set given = config.get('snapshot_table_column_names') or config.get('snapshot_meta_column_names') or {} -%}
    {%- for name in names.keys() | list -%}
        {%- if given[name] -%}
            {%- do names.update({name: given[name]}) -%}
        {%- endif -%}
    {%- endfor -%}
    {% do return(names) %}
{%- endmacro %}

{# valid_to of a row that is current: NULL, or what dbt_valid_to_current says, in the type of
   updated_at (which the nullif of a value with itself carries). #}
{% macro get_dbt_valid_to_current(strategy, columns) -%}
    coalesce(nullif({{ strategy.updated_at }}, {{ strategy.updated_at }}), {{ config.get('dbt_valid_to_current') or 'null' }}) as {{ columns.dbt_valid_to }}
{%- endmacro %}

{# The condition under which a row of the snapshot, under that alias, is current. #}
{% macro snapshot_is_current(alias, columns) -%}
    {%- set valid_to = (alias ~ '.' if alias else '') ~ columns.dbt_valid_to -%}
    {%- if config.get('dbt_valid_to_current') -%}
    ({{ equals(valid_to, config.get('dbt_valid_to_current') | trim) }} or {{ valid_to }} is null)
    {%- else -%}
    {{ valid_to }} is null
    {%- endif -%}
{%- endmacro %}

{% macro unique_key_fields(unique_key) -%}
    {%- if unique_key is string -%}
    {{ unique_key }} as dbt_unique_key
    {%- else -%}
        {%- for key in unique_key -%}
    {{ key }} as dbt_unique_key_{{ loop.index }}{{ ', ' if not loop.last else '' }}
        {%- endfor -%}
    {%- endif -%}
{%- endmacro %}

{% macro unique_key_join_on(unique_key, identifier, from_identifier) -%}
    {%- if unique_key is string -%}
    {{ identifier }}.dbt_unique_key = {{ from_identifier }}.dbt_unique_key
    {%- else -%}
        {%- for key in unique_key -%}
    {{ equals(identifier ~ '.dbt_unique_key_' ~ loop.index, from_identifier ~ '.dbt_unique_key_' ~ loop.index) | trim }}{{ ' and ' if not loop.last else '' }}
        {%- endfor -%}
    {%- endif -%}
{%- endmacro %}

{% macro unique_key_is_null(unique_key, identifier) -%}
    {{ identifier }}.dbt_unique_key{{ '' if unique_key is string else '_1' }} is null
{%- endmacro %}

{% macro unique_key_is_not_null(unique_key, identifier) -%}
    {{ identifier }}.dbt_unique_key{{ '' if unique_key is string else '_1' }} is not null
{%- endmacro %}

{% macro get_true_sql() -%}
    {{- adapter.dispatch('get_true_sql', 'dbt')() -}}
{%- endmacro %}

{% macro default__get_true_sql() -%}
    {% do return('TRUE') %}
{%- endmacro %}
