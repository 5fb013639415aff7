{#
    A version ends where the next one of its key begins, the next one differs, and none begins in
    between. `model` is the versions that are looked at, `history` all of them.
#}
{% test seamless_versions(model, history, key, columns) %}
select {{ failed_key('versions') }} as failed_key
from (select * from {{ model }}) as versions
left join lateral (
    select following.*
    from {{ history }} as following
    where
        following.{{ key }} = versions.{{ key }}
        and following.valid_from > versions.valid_from
    order by following.valid_from
    limit 1
) as next_version on true
where
    next_version.valid_from is distinct from versions.valid_to
    or (
        next_version.valid_from is not null
        and ({{ qualified("next_version", columns) }})
        is not distinct from ({{ qualified("versions", columns) }})
    )
{% endtest %}
