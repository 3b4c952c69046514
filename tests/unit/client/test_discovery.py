from typing import TYPE_CHECKING

import pytest
from aiohttp import web

from aukciszek.client.discovery import discover, fetch_cluster_file
from aukciszek.client.errors import PartiesDisagreeError, UnreachableError
from aukciszek.cluster import ClusterFileError

if TYPE_CHECKING:
    from aukciszek.cluster import Cluster

    from .conftest import PaperParty

type Paper = "dict[int, PaperParty]"


async def test_a_cluster_is_found_from_one_address(paper_cluster: "Cluster") -> None:
    content = await fetch_cluster_file(paper_cluster.party(2).url)
    found = await discover(content)
    assert found.cluster.digest == paper_cluster.digest
    assert found.login_server == 1


async def test_a_party_with_another_cluster_file_is_named(paper_cluster: "Cluster", paper: Paper) -> None:
    paper[3].lies["status"] = lambda answer: answer | {"cluster_digest": "0" * 64}
    with pytest.raises(PartiesDisagreeError, match="party 3"):
        await discover(paper_cluster.content)


async def test_who_keeps_the_accounts_must_be_undisputed(paper_cluster: "Cluster", paper: Paper) -> None:
    paper[3].lies["status"] = lambda answer: answer | {"login_server": 3}
    with pytest.raises(PartiesDisagreeError, match="login servers"):
        await discover(paper_cluster.content)
    assert (await discover(paper_cluster.content, login_server=1)).login_server == 1


async def test_a_party_that_is_away_is_no_obstacle(paper_cluster: "Cluster", paper: Paper) -> None:
    paper[2].lies["status"] = lambda _: web.Response(status=500)
    assert (await discover(paper_cluster.content)).login_server == 1


async def test_an_answer_that_is_no_cluster_file_is_refused(paper_cluster: "Cluster", paper: Paper) -> None:
    paper[1].lies["cluster"] = lambda _: web.Response(body=b"{}")
    with pytest.raises(ClusterFileError):
        await fetch_cluster_file(paper_cluster.party(1).url)


async def test_a_server_that_is_not_there_is_reported() -> None:
    with pytest.raises(UnreachableError):
        await fetch_cluster_file("http://127.0.0.1:9")
