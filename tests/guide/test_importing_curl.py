"""Twenty curl commands as people paste them: each becomes a profile whose requests the sandbox responds to."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from imported_profiles import imported
from profiles import admin, full
from runs import BEARER

from tui_connector.machine import Machine
from tui_connector.sandbox.server import Sandbox, SandboxOptions

STOCK = '{"sourceItems":[{"sku":"SKU-000001","source_code":"default","quantity":5,"status":1}]}'

COMMANDS = {
    "bash: a browser's copy": r"""curl \
  'URL/rest/all/V1/products?searchCriteria%5BpageSize%5D=20&searchCriteria%5BcurrentPage%5D=1' \
  -H 'accept: application/json' \
  -H 'accept-language: en-GB,en;q=0.9' \
  -H 'authorization: Bearer TOKEN' \
  -b 'PHPSESSID=cookieCANARY; form_key=keyCANARY' \
  -H 'sec-ch-ua: "Chromium";v="130"' \
  -H 'sec-fetch-mode: cors' \
  -H 'user-agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36' \
  --compressed""",
    "bash: a body in $'…'": r"""curl 'URL/rest/all/V1/products/SKU-000001' \
  -X 'PUT' \
  -H 'authorization: Bearer TOKEN' \
  -H 'content-type: application/json' \
  --data-raw $'{"product":{"sku":"SKU-000001","name":"It\'s \u00fcber"}}'""",
    "cmd: a browser's copy": r"""curl ^"URL/rest/all/V1/orders?searchCriteria^%^5BpageSize^%^5D=5^" ^
  -H ^"accept: */*^" ^
  -H ^"authorization: Bearer TOKEN^" ^
  -H ^"sec-ch-ua: ^\^"Chromium^\^";v=^\^"130^\^"^" ^
  --compressed""",
    "cmd: a body": r"""curl ^"URL/rest/all/V1/inventory/source-items^" ^
  -H ^"Authorization: Bearer TOKEN^" ^
  -H ^"Content-Type: application/json^" ^
  --data-raw ^"^{^\^"sourceItems^\^":^[^{^\^"sku^\^":^\^"SKU-000001^\^",^\^"source_code^\^":^\^"default^\^",^
^\^"quantity^\^":7,^\^"status^\^":1^}^]^}^" """,
    "cmd: double quotes": 'curl.exe -X POST "URL/rest/all/V1/inventory/source-items" -H "Authorization: Bearer TOKEN"'
    ' -d "{\\"sourceItems\\": [{\\"sku\\": \\"SKU-000001\\", \\"source_code\\": \\"default\\", \\"quantity\\": 2,'
    ' \\"status\\": 1}]}"',
    "PowerShell: a browser's copy": """$session = New-Object Microsoft.PowerShell.Commands.WebRequestSession
$session.UserAgent = "Mozilla/5.0 (Windows NT 10.0)"
$session.Cookies.Add((New-Object System.Net.Cookie("PHPSESSID", "cookieCANARY", "/", "shop.example")))
Invoke-WebRequest -UseBasicParsing -Uri "URL/rest/all/V1/customers/search?searchCriteria%5BpageSize%5D=3" `
-WebSession $session `
-Headers @{
"accept"="application/json"
  "authorization"="Bearer TOKEN"
  "sec-fetch-dest"="empty"
}""",
    "PowerShell: a body": """Invoke-RestMethod -Method PUT -Uri "URL/rest/all/V1/products/SKU-000002" `
-Headers @{ Authorization = "Bearer TOKEN" } -ContentType "application/json" `
-Body "{`"product`":{`"sku`":`"SKU-000002`",`"name`":`"Caf$([char]233)`"}}" | ConvertTo-Json""",
    "PowerShell: variables": """$headers = New-Object "System.Collections.Generic.Dictionary[[String],[String]]"
$headers.Add("Authorization", "Bearer TOKEN")
$body = @"
{"product": {"sku": "SKU-000003", "name": "Here"}}
"@
$response = Invoke-RestMethod 'URL/rest/all/V1/products/SKU-000003' -Method 'PUT' -Headers $headers -Body $body
$response | ConvertTo-Json""",
    "PowerShell: curl.exe": """curl.exe -X POST 'URL/rest/all/V1/inventory/source-items' `
  -H 'Authorization: Bearer TOKEN' -H 'Content-Type: application/json' `
  --data-raw '{\\"sourceItems\\":[{\\"sku\\":\\"SKU-000001\\",\\"source_code\\":\\"default\\",
  \\"quantity\\":3,\\"status\\":1}]}'""",
    "-d": f"curl -X POST URL/rest/all/V1/inventory/source-items -H 'Authorization: Bearer TOKEN' -d '{STOCK}'",
    "--json": f"curl --json '{STOCK}' -H 'Authorization: Bearer TOKEN' URL/rest/all/V1/inventory/source-items",
    "@file": "curl URL/rest/all/V1/inventory/source-items -H @headers.txt -d @stock.json",
    "a here-document": f"""curl -sS URL/rest/all/V1/inventory/source-items \\
  -H 'Authorization: Bearer TOKEN' --data-binary @- <<'EOF'
{STOCK}
EOF""",
    "-G and --data-urlencode": """curl -G URL/rest/all/V1/products -H 'Authorization: Bearer TOKEN' \\
  --data-urlencode 'searchCriteria[filter_groups][0][filters][0][field]=name' \\
  --data-urlencode 'searchCriteria[filter_groups][0][filters][0][value]=%Product%' \\
  --data-urlencode 'searchCriteria[filter_groups][0][filters][0][condition_type]=like'""",
    "short options": "curl -sSkLg -XGET -HAuthorization:\\ Bearer\\ TOKEN"
    " 'URL/rest/all/V1/products?searchCriteria[pageSize]=2'"
    " -A shop-sync/2 -e https://shop.example/ -m 20 | jq '.items[].sku' > skus.txt",
    "--url and --next": f"""curl --url URL/rest/all/V1/store/storeViews -H "Authorization: Bearer TOKEN" --next \\
  -H "Authorization: Bearer TOKEN" -d '{STOCK}' --url URL/rest/all/V1/inventory/source-items""",
    "several addresses": "curl -H 'Authorization: Bearer TOKEN' URL/rest/all/V1/store/websites"
    " URL/rest/all/V1/store/storeGroups",
    "a login": """curl -X POST "URL/rest/V1/integration/admin/token" -H "Content-Type: application/json" \\
     -d '{"username": "USERNAME", "password": "PASSWORD"}'
curl "URL/rest/V1/products?searchCriteria[pageSize]=5" -H "Authorization: Bearer $TOKEN_OF_LOGIN\"""",
    "an assignment": """export ACCESS=TOKEN
STORE="URL"
# the products
curl -g "$STORE/rest/default/V1/products?searchCriteria[sortOrders][0][field]=sku" \\
  -H "Authorization: Bearer ${ACCESS}\"""",
    "DELETE": "curl -X DELETE 'URL/rest/all/V1/products/SKU-000009' -H 'Authorization: Bearer TOKEN'",
    "GET of one": "curl 'URL/rest/all/V1/products/SKU-000004' -H 'Authorization: Bearer TOKEN' -H 'X-Trace: of-a-test'",
    "queued": "curl -X PUT 'URL/rest/all/async/V1/products/SKU-000005' -H 'Authorization: Bearer TOKEN'"
    """ -d '{"product": {"sku": "SKU-000005", "name": "Queued"}}'""",
}


@pytest.fixture
async def store(machine: Machine) -> AsyncIterator[Sandbox]:
    async with Sandbox(SandboxOptions(products=50, settings=BEARER), machine.now) as started:
        yield started


def filled(command: str, store: Sandbox) -> str:
    values = {
        "URL": store.url,
        "TOKEN_OF_LOGIN": "TOKEN_OF_LOGIN",
        "TOKEN": full(store)["access-token"],
        "USERNAME": admin(store)["username"],
        "PASSWORD": admin(store)["password"],
    }
    for name, value in values.items():
        command = command.replace(f"${name}", "\0").replace(name, value).replace("\0", f"${name}")
    return command


@pytest.mark.parametrize("kind", COMMANDS)
async def test_a_pasted_command_becomes_a_profile_that_the_store_accepts(
    kind: str, store: Sandbox, machine: Machine, tmp_path: Path
) -> None:
    (tmp_path / "stock.json").write_text(STOCK)
    (tmp_path / "headers.txt").write_text(f"Authorization: Bearer {full(store)['access-token']}\n")
    found = await imported(filled(COMMANDS[kind], store), machine, tmp_path)
    assert found.failed == []
    assert found.succeeded
    assert found.result.to_set == ()
    assert full(store)["access-token"] not in found.text
    assert "CANARY" not in f"{found.text}{found.plan.not_imported}"
