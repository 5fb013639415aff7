{# Every row fulfils `condition`; null counts as not fulfilled. #}
{% test row_rule(model, condition) %}
select *
from {{ model }}
where ({{ condition }}) is not true
{% endtest %}
