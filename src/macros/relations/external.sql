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
