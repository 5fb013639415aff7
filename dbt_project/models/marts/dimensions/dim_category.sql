-- grain: one row per category
{%- set references = [('restaurants', 'category_id')] %}
{{
    config(
        unique_key='category_id',
        pre_hook="{{ claim_loads('dim_category', ['categories', 'restaurants']) }}",
        post_hook=dimension_hooks('dim_category', 'categories', 'category_id', references),
    )
}}

with

members as (
    {{ changed_members(
        'dim_category',
        'categories',
        'category_id',
        references,
    ) }}
)

select
    member_key as category_id,
    category_name,
    is_stub,
    stub_reason,
    false as is_absent,
    null::timestamp as absent_since,
    now() as _loaded_at
from members
