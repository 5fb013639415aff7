{# Every value is one of those; null passes. In the place of dbt's own, which names no key. #}
{% test accepted_values(model, column_name, values) %}
select {{ failed_key('dbt_subquery') }} as failed_key
from {{ model }}
where {{ column_name }} not in ('{{ values | join("', '") }}')
{% endtest %}
