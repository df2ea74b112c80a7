{# Hooks around a node, for materializations that are written as macros. #}

{% macro run_hooks(hooks, inside_transaction=True) -%}
    {%- set chosen = [] -%}
    {%- for hook in hooks -%}
        {%- if hook.get('transaction') == inside_transaction -%}
            {%- do chosen.append(hook) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- for hook in chosen -%}
        {#- PostgreSQL is inside of a transaction from its first statement on; DuckDB is not. -#}
        {%- if loop.first and not inside_transaction and target.type == 'postgres' -%}
            {% call statement(auto_begin=inside_transaction) %}commit;{% endcall %}
        {%- endif -%}
        {%- set sql = render(hook.get('sql')) | trim -%}
        {%- if sql -%}
            {% call statement(auto_begin=inside_transaction) %}{{ sql }}{% endcall %}
        {%- endif -%}
    {%- endfor -%}
{%- endmacro %}

{% macro make_hook_config(sql, inside_transaction) -%}
    {{ tojson({'sql': sql, 'transaction': inside_transaction}) }}
{%- endmacro %}

{% macro before_begin(sql) -%}
    {{ make_hook_config(sql, inside_transaction=False) }}
{%- endmacro %}

{% macro in_transaction(sql) -%}
    {{ make_hook_config(sql, inside_transaction=True) }}
{%- endmacro %}

{% macro after_commit(sql) -%}
    {{ make_hook_config(sql, inside_transaction=False) }}
{%- endmacro %}
