{% macro snapshot_own_strategy(node, snapshotted_rel, current_rel, model_config, target_exists) %}
  {% set updated_at = model_config.get("updated_at") %}
  {% do return({
    "unique_key": model_config.get("unique_key"),
    "updated_at": updated_at,
    "row_changed": snapshotted_rel ~ ".name != " ~ current_rel ~ ".name",
    "scd_id": snapshot_hash_arguments([model_config.get("unique_key"), updated_at]),
    "invalidate_hard_deletes": true,
    "hard_deletes": "invalidate"
  }) %}
{% endmacro %}
