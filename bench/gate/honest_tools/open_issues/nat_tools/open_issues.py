"""Count the open issues of a repository."""

import asyncio
from collections import Counter
from collections.abc import Iterator

import requests
from nat.builder.builder import Builder
from nat.builder.function_info import FunctionInfo
from nat.cli.register_workflow import register_function
from nat.data_models.function import FunctionBaseConfig
from pydantic import BaseModel, Field, SecretStr

URL = "https://git.example/api/issues"
PER_PAGE = 2


class RepositoryInput(BaseModel):
    repository: str = Field(description="Owner and name, such as acme/shop", pattern="^[^/]+/[^/]+$")


class OpenIssuesConfig(FunctionBaseConfig, name="open_issues"):
    """Configuration of the open_issues tool."""

    git_token: SecretStr = SecretStr("")


def issues(repository: str, token: str) -> Iterator[dict]:
    """Yield all open issues, page by page; raises ValueError, PermissionError, or what requests raises."""
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {token}"
        page = 1
        while True:
            query = {"repo": repository, "state": "open", "page": page, "per_page": PER_PAGE}
            answer = session.get(URL, params=query, timeout=10)
            if answer.status_code == 404:
                raise ValueError(f"There is no repository {repository!r}.")
            if answer.status_code in (401, 403):
                raise PermissionError("The token in GIT_TOKEN is not accepted.")
            answer.raise_for_status()
            found = answer.json()
            yield from found
            if len(found) < PER_PAGE:
                return
            page += 1


def by_label(repository: str, token: str) -> dict[str, int]:
    """Return how many issues have each label."""
    counted: Counter[str] = Counter()
    for issue in issues(repository, token):
        counted.update(issue["labels"] or ["none"])
    return dict(counted)


@register_function(config_type=OpenIssuesConfig)
async def open_issues(config: OpenIssuesConfig, builder: Builder):
    async def _run(data: RepositoryInput) -> dict[str, int]:
        return await asyncio.to_thread(by_label, data.repository, config.git_token.get_secret_value())

    yield FunctionInfo.from_fn(
        _run, description="Count the open issues of a repository by label; issues without a label count as none."
    )
