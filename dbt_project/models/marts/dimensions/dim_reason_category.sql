-- grain: one row per reason category
{{
    config(
        unique_key='reason_category_id',
        pre_hook="{{ claim_loads('dim_reason_category', ['reason_categories', 'reasons']) }}",
        post_hook="{{ mark_absences('dim_reason_category', 'reason_categories', 'reason_category_id') }}",
    )
}}

with

members as (
    {{ changed_members(
        'dim_reason_category',
        'reason_categories',
        'reason_category_id',
        [('reasons', 'reason_category_id')],
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
