{# Every row fulfils `condition`; null counts as not fulfilled. #}
{% test row_rule(model, condition) %}
select {{ failed_key('dbt_subquery') }} as failed_key
from {{ model }}
where ({{ condition }}) is not true
{% endtest %}
