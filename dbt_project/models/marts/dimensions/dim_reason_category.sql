-- grain: one row per reason category
{%- set references = [('reasons', 'reason_category_id')] %}
{{
    config(
        unique_key='reason_category_id',
        pre_hook="{{ claim_loads('dim_reason_category', ['reason_categories', 'reasons']) }}",
        post_hook=dimension_hooks('dim_reason_category', 'reason_categories', 'reason_category_id', references),
    )
}}

with

members as (
    {{ changed_members(
        'dim_reason_category',
        'reason_categories',
        'reason_category_id',
        references,
    ) }}
)

select
    member_key as reason_category_id,
    category_name,
    is_stub,
    stub_reason,
    false as is_absent,
    null::timestamp as absent_since,
    now() as _loaded_at
from members
