{# No row lacks a value. In the place of dbt's own, which names no key. #}
{% test not_null(model, column_name) %}
select {{ failed_key('dbt_subquery') }} as failed_key
from {{ model }}
where {{ column_name }} is null
{% endtest %}
