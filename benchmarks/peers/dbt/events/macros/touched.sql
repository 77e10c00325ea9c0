{# Of an incremental run: only the keys of which events were loaded since the model's last run. #}
{% macro touched(column) %}
    {% if is_incremental() %}
        and {{ column }} in (
            select t.{{ column.split(".")[1] }}
            from {{ ref("stg_events") }} as t
            where t.loaded_at > (select max(m.loaded_at) from {{ this }} as m)
        )
    {% endif %}
{% endmacro %}
