{# Models of dbt-duckdb that live in files: where the file lies, how it is written and read. #}

{% macro external_location(relation, config) -%}
    {%- set folder = (config.get('options') or {}).get('partition_by') is not none -%}
    {{- adapter.external_root() }}/{{ relation.identifier }}{{ '' if folder else '.' ~ config.get('format', 'parquet') -}}
{%- endmacro %}

{% macro location_exists(location) -%}
    {% do return(adapter.location_exists(location)) %}
{%- endmacro %}

{% macro write_to_file(relation, location, options) -%}
    {% call statement('write_to_file') -%}
        copy {{ relation }} to '{{ location }}' ({{ options }})
    {%- endcall %}
{%- endmacro %}

{# The options of COPY from the config: `options`, and the old `format` and `delimiter` beside it. #}
{% macro render_write_options(config) -%}
    {%- set given = config.get('options') or {} -%}
    {%- if given is not mapping -%}
        {% do exceptions.raise_compiler_error('The options argument must be a dictionary') %}
    {%- endif -%}
    {%- set options = {} -%}
    {%- for name, value in given.items() -%}
        {%- do options.update({name: render(value)}) -%}
    {%- endfor -%}
    {%- for name in ['format', 'delimiter'] -%}
        {%- if config.get(name) -%}
            {%- do options.update({name: render(config.get(name))}) -%}
        {%- endif -%}
    {%- endfor -%}
    {% do return(options) %}
{%- endmacro %}

{# `from read_csv('…', a = 1)`: how a file of a format is read. #}
{% macro external_reader(format, location) -%}
    {%- set defaults = {'parquet': {'union_by_name': False}, 'json': {'auto_detect': True}, 'csv': {'auto_detect': True}} -%}
    {%- set options = config.get(format ~ '_read_options', defaults[format]) -%}
    read_{{ format }}('{{ location }}'
    {%- for name, value in options.items() %}, {{ name }} = {{ "'" ~ value ~ "'" if value is string else value }}{% endfor -%})
{%- endmacro %}

{# A file and a view that reads it. A file of no rows would lose its columns in some formats: it
   gets one of nulls, which the view leaves out. #}
{% materialization external, adapter='duckdb', supported_languages=['sql', 'python'] -%}
    {%- if config.get('plugin') or config.get('glue_register') -%}
        {% do exceptions.raise_compiler_error('External models are registered with no plugin and no Glue catalog here: plugins of dbt-duckdb are Python code. Take `plugin` and `glue_register` out.') %}
    {%- endif -%}
    {%- set location = render(config.get('location', default=external_location(this, config))) -%}
    {%- set options = render_write_options(config) -%}
    {%- set formats = ['csv', 'parquet', 'json'] -%}
    {%- set format = config.get('format') -%}
    {%- if format and format not in formats -%}
        {% do exceptions.raise_compiler_error('Invalid format: ' ~ format ~ '. Allowed formats are: ' ~ formats | join(', ')) %}
    {%- elif not format -%}
        {%- set ending = location.split('.')[-1].lower() if '.' in location else '' -%}
        {%- set format = ending if ending in formats else 'parquet' -%}
    {%- endif -%}
    {%- set write_options = adapter.external_write_options(location, options) -%}
    {%- set read_location = adapter.external_read_location(location, options) -%}

    {%- set target_relation = this.incorporate(type='view') -%}
    {%- set existing_relation = load_cached_relation(this) -%}
    {%- set rows = make_intermediate_relation(this.incorporate(type='table')) -%}
    {% do drop_relation_if_exists(load_cached_relation(rows)) %}

    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {% call statement('create_table', language=model['language']) -%}
        {{ create_table_as(False, rows, compiled_code, model['language']) }}
    {%- endcall %}
    {%- set columns = adapter.get_columns_in_relation(rows) -%}
    {%- set is_empty = run_query('select count(*) from ' ~ rows)[0][0] == 0 -%}
    {%- if is_empty -%}
        {% call statement('one_row') -%}
            insert into {{ rows }} values ({% for column in columns %}null{{ ', ' if not loop.last }}{% endfor %})
        {%- endcall %}
    {%- endif -%}
    {% do write_to_file(rows, location, write_options) %}
    {%- if existing_relation is not none and not existing_relation.is_view -%}
        {% do adapter.drop_relation(existing_relation) %}
    {%- endif -%}
    {% call statement('main') -%}
        create or replace view {{ target_relation }} as (
            select * from {{ external_reader(format, read_location) }}
            {%- if is_empty %}
            where {% for column in columns %}{{ adapter.quote(column.name) }} is not null{{ ' and ' if not loop.last }}{% endfor %}
            {%- endif %}
        );
    {%- endcall %}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {% do apply_grants(target_relation, config.get('grants'), should_revoke=should_revoke(existing_relation, full_refresh_mode=True)) %}
    {% do persist_docs(target_relation, model) %}
    {% do adapter.drop_relation(rows) %}
    {% do adapter.commit() %}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {% do return({'relations': [target_relation]}) %}
{%- endmaterialization %}

{# In on-run-start of a project whose database is in memory: the views of external models that this
   run reads and does not build. #}
{% macro register_upstream_external_models() -%}
{%- if execute -%}
    {%- set known = [] -%}
    {%- for id in selected_resources if id in graph['nodes'] -%}
        {%- for upstream_id in graph['nodes'][id]['depends_on']['nodes'] -%}
            {%- set upstream = graph['nodes'].get(upstream_id) -%}
            {%- if upstream and upstream_id not in known and upstream_id not in selected_resources and upstream.config.materialized == 'external' -%}
                {%- do known.append(upstream_id) -%}
                {%- set relation = api.Relation.create(database=upstream['database'], schema=upstream['schema'], identifier=upstream['alias']) -%}
                {%- set location = render(upstream.config.get('location', external_location(relation, upstream.config))) -%}
                {%- set location = adapter.external_read_location(location, render_write_options(upstream.config)) -%}
                {% call statement('main') -%}
                    create schema if not exists {{ relation.without_identifier() }};
                    create or replace view {{ relation }} as (select * from '{{ location }}');
                {%- endcall %}
            {%- endif -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- if known -%}
        {% do adapter.commit() %}
    {%- endif -%}
{%- endif -%}
{%- endmacro %}

{# A relation handed to a plugin, which is Python code of dbt-duckdb's: Pintail has none. #}
{% macro store_relation(plugin, relation, location, format, config) -%}
    {%- do adapter.store_relation(plugin, relation, adapter.get_columns_in_relation(relation), location, format, config) -%}
{%- endmacro %}
