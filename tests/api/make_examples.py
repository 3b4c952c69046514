"""Record the worked examples of ``/docs`` anew: ``PYTHONPATH=tests uv run python -m api.make_examples``."""

import asyncio
import json
import tempfile
from pathlib import Path
from typing import Final

from api.conftest import running_site
from api.worked_examples import record

TARGET: Final = Path(__file__).parents[2] / "src" / "aukciszek" / "server" / "examples.json"


async def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        async with running_site(Path(directory)) as site:
            examples = await record(site)
    TARGET.write_text(json.dumps(examples, indent=1, ensure_ascii=False, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    asyncio.run(main())
