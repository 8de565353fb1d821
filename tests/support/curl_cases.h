/* SPDX-License-Identifier: Apache-2.0 */
/*
 * curl commands as developer tools and the documentation of APIs print them,
 * and what an import makes of each.  Keys in them are made up.
 */
#ifndef SUPPORT_CURL_CASES_H
#define SUPPORT_CURL_CASES_H

struct curl_case {
	const char *name, *command;
	const char *request; /* compact JSON */
	const char *offers;  /* kind place name 'prefix' host services; ... */
	const char *notes;   /* options, "-" for none */
	const char *hints;   /* pointer code; ... */
};

/* clang-format off */
static const struct curl_case curl_cases[] = {
	{ "Stripe, a customer",
	  "curl https://api.stripe.com/v1/customers \\\n"
	  "  -u \"sk_test_4eC39HqLyjWDarjtT1zdp7dc:\" \\\n"
	  "  -d name=\"Jenny Rosen\" \\\n"
	  "  --data-urlencode email=\"jenny.rosen@example.com\"",
	  "{\"method\":\"POST\",\"url\":\"https://api.stripe.com/v1/c"
	  "ustomers\",\"query\":[],\"headers\":[],\"body\":{\"type\":"
	  "\"form\",\"content\":[{\"name\":\"name\",\"value\":\"Jenny"
	  " Rosen\"},{\"name\":\"email\",\"value\":\"jenny.rosen@exam"
	  "ple.com\"}]},\"max_redirects\":0}",
	  "basic header Authorization 'Basic ' api.stripe.com stripe", "", "" },
	{ "Stripe, nested fields",
	  "curl https://api.stripe.com/v1/payment_intents -u sk_test_"
	  "4eC39HqLyjWDarjtT1zdp7dc: -d amount=2000 -d currency=usd -"
	  "d \"metadata[order_id]\"=6735",
	  "{\"method\":\"POST\",\"url\":\"https://api.stripe.com/v1/p"
	  "ayment_intents\",\"query\":[],\"headers\":[],\"body\":{\"t"
	  "ype\":\"form\",\"content\":[{\"name\":\"amount\",\"value\""
	  ":\"2000\"},{\"name\":\"currency\",\"value\":\"usd\"},{\"na"
	  "me\":\"metadata[order_id]\",\"value\":\"6735\"}]},\"max_re"
	  "directs\":0}",
	  "basic header Authorization 'Basic ' api.stripe.com stripe", "", "" },
	{ "Stripe, a list",
	  "curl -G https://api.stripe.com/v1/charges -u \"sk_test_4eC"
	  "39HqLyjWDarjtT1zdp7dc:\" -d limit=3",
	  "{\"method\":\"GET\",\"url\":\"https://api.stripe.com/v1/ch"
	  "arges\",\"query\":[{\"name\":\"limit\",\"value\":\"3\"}],\""
	  "headers\":[],\"body\":{\"type\":\"none\"},\"max_redirects\""
	  ":0}",
	  "basic header Authorization 'Basic ' api.stripe.com stripe", "", "" },
	{ "GitHub, an issue",
	  "curl -L \\\n"
	  "  -X POST \\\n"
	  "  -H \"Accept: application/vnd.github+json\" \\\n"
	  "  -H \"Authorization: Bearer <YOUR-TOKEN>\" \\\n"
	  "  -H \"X-GitHub-Api-Version: 2022-11-28\" \\\n"
	  "  https://api.github.com/repos/OWNER/REPO/issues \\\n"
	  "  -d '{\"title\":\"Found a bug\",\"body\":\"I'\\''m having"
	  " a problem with this.\",\"assignees\":[\"octocat\"],\"mile"
	  "stone\":1}'",
	  "{\"method\":\"POST\",\"url\":\"https://api.github.com/repo"
	  "s/OWNER/REPO/issues\",\"query\":[],\"headers\":[{\"name\":"
	  "\"Accept\",\"value\":\"application/vnd.github+json\"},{\"n"
	  "ame\":\"X-GitHub-Api-Version\",\"value\":\"2022-11-28\"}],"
	  "\"body\":{\"type\":\"json\",\"content\":{\"title\":\"Found"
	  " a bug\",\"body\":\"I'm having a problem with this.\",\"as"
	  "signees\":[\"octocat\"],\"milestone\":1}},\"max_redirects\""
	  ":5}",
	  "bearer header Authorization 'Bearer ' api.github.com githu"
	  "b", "--data", "" },
	{ "GitHub, the old spelling",
	  "curl -H \"Authorization: token ghp_16C7e42F292c6912E7710c8"
	  "38347Ae178B4a\" https://api.github.com/user/repos?per_page"
	  "=5",
	  "{\"method\":\"GET\",\"url\":\"https://api.github.com/user/"
	  "repos\",\"query\":[{\"name\":\"per_page\",\"value\":\"5\"}"
	  "],\"headers\":[],\"body\":{\"type\":\"none\"},\"max_redire"
	  "cts\":0}",
	  "api_key header Authorization 'token ' api.github.com githu"
	  "b", "", "" },
	{ "GitHub, user and token",
	  "curl -i -u octocat:ghp_16C7e42F292c6912E7710c838347Ae178B4"
	  "a 'https://api.github.com/search/issues?q=repo:octo/x+type"
	  ":issue&sort=created'",
	  "{\"method\":\"GET\",\"url\":\"https://api.github.com/searc"
	  "h/issues\",\"query\":[{\"name\":\"q\",\"value\":\"repo:oct"
	  "o/x type:issue\"},{\"name\":\"sort\",\"value\":\"created\""
	  "}],\"headers\":[],\"body\":{\"type\":\"none\"},\"max_redir"
	  "ects\":0}",
	  "basic header Authorization 'Basic ' api.github.com github", "", "" },
	{ "OpenAI, chat",
	  "curl https://api.openai.com/v1/chat/completions \\\n"
	  "  -H \"Content-Type: application/json\" \\\n"
	  "  -H \"Authorization: Bearer $OPENAI_API_KEY\" \\\n"
	  "  -d '{\n"
	  "    \"model\": \"gpt-4o\",\n"
	  "    \"messages\": [{\"role\": \"user\", \"content\": \"Say"
	  " this is a test!\"}],\n"
	  "    \"temperature\": 0.7\n"
	  "  }'",
	  "{\"method\":\"POST\",\"url\":\"https://api.openai.com/v1/c"
	  "hat/completions\",\"query\":[],\"headers\":[],\"body\":{\""
	  "type\":\"json\",\"content\":{\"model\":\"gpt-4o\",\"messag"
	  "es\":[{\"role\":\"user\",\"content\":\"Say this is a test!"
	  "\"}],\"temperature\":0.7}},\"max_redirects\":0}",
	  "bearer header Authorization 'Bearer ' api.openai.com opena"
	  "i", "", "" },
	{ "OpenAI, a file",
	  "curl https://api.openai.com/v1/files -H \"Authorization: B"
	  "earer $OPENAI_API_KEY\" -F purpose=\"fine-tune\" -F file=\""
	  "@mydata.jsonl\"",
	  "{\"method\":\"POST\",\"url\":\"https://api.openai.com/v1/f"
	  "iles\",\"query\":[],\"headers\":[],\"body\":{\"type\":\"mu"
	  "ltipart\",\"content\":[{\"name\":\"purpose\",\"value\":\"f"
	  "ine-tune\"},{\"name\":\"file\",\"value\":\"\",\"filename\""
	  ":\"mydata.jsonl\"}]},\"max_redirects\":0}",
	  "bearer header Authorization 'Bearer ' api.openai.com opena"
	  "i", "--form", "" },
	{ "Slack, a message",
	  "curl -X POST -H 'Authorization: Bearer xoxb-1234-56789abcd"
	  "efghijklmnop' -H 'Content-type: application/json; charset="
	  "utf-8' --data '{\"channel\":\"C123ABC456\",\"text\":\"Hi @"
	  "here\"}' https://slack.com/api/chat.postMessage",
	  "{\"method\":\"POST\",\"url\":\"https://slack.com/api/chat."
	  "postMessage\",\"query\":[],\"headers\":[],\"body\":{\"type"
	  "\":\"json\",\"content\":{\"channel\":\"C123ABC456\",\"text"
	  "\":\"Hi @@here\"}},\"max_redirects\":0}",
	  "bearer header Authorization 'Bearer ' slack.com slack", "", "" },
	{ "Slack, a form with its token",
	  "curl -F token=xoxp-1234-56789abcdefghij -F channels=C123 -"
	  "F 'file=@a b.png;type=image/png;filename=b.png' https://sl"
	  "ack.com/api/files.upload",
	  "{\"method\":\"POST\",\"url\":\"https://slack.com/api/files"
	  ".upload\",\"query\":[],\"headers\":[],\"body\":{\"type\":\""
	  "multipart\",\"content\":[{\"name\":\"channels\",\"value\":"
	  "\"C123\"},{\"name\":\"file\",\"value\":\"\",\"filename\":\""
	  "b.png\",\"content_type\":\"image/png\"}]},\"max_redirects\""
	  ":0}",
	  "api_key multipart token '' slack.com slack", "--form", "" },
	{ "Slack, an incoming webhook",
	  "curl -X POST -H 'Content-type: application/json' --data '{"
	  "\"text\":\"Hello, World!\"}' https://hooks.slack.com/servi"
	  "ces/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX",
	  "{\"method\":\"POST\",\"url\":\"https://hooks.slack.com/\","
	  "\"query\":[],\"headers\":[],\"body\":{\"type\":\"json\",\""
	  "content\":{\"text\":\"Hello, World!\"}},\"max_redirects\":"
	  "0}",
	  "api_key path  '' hooks.slack.com", "", "" },
	{ "Twilio, a message",
	  "curl -X POST \"https://api.twilio.com/2010-04-01/Accounts/"
	  "$TWILIO_ACCOUNT_SID/Messages.json\" \\\n"
	  "--data-urlencode \"Body=Hi there\" \\\n"
	  "--data-urlencode \"From=+15557122661\" \\\n"
	  "--data-urlencode \"To=+15558675310\" \\\n"
	  "-u $TWILIO_ACCOUNT_SID:$TWILIO_AUTH_TOKEN",
	  "{\"method\":\"POST\",\"url\":\"https://api.twilio.com/2010"
	  "-04-01/Accounts/$TWILIO_ACCOUNT_SID/Messages.json\",\"quer"
	  "y\":[],\"headers\":[],\"body\":{\"type\":\"form\",\"conten"
	  "t\":[{\"name\":\"Body\",\"value\":\"Hi there\"},{\"name\":"
	  "\"From\",\"value\":\"+15557122661\"},{\"name\":\"To\",\"va"
	  "lue\":\"+15558675310\"}]},\"max_redirects\":0}",
	  "basic header Authorization 'Basic ' api.twilio.com twilio", "-", "" },
	{ "Zoho Desk, a ticket",
	  "curl -X GET https://desk.zoho.com/api/v1/tickets/189200000"
	  "0042034?include=contacts,products\n"
	  "  -H \"orgId:2389290\"",
	  "{\"method\":\"GET\",\"url\":\"https://desk.zoho.com/api/v1"
	  "/tickets/1892000000042034\",\"query\":[{\"name\":\"include"
	  "\",\"value\":\"contacts,products\"}],\"headers\":[],\"body"
	  "\":{\"type\":\"none\"},\"max_redirects\":0}",
	  "", "-", "" },
	{ "Zoho Desk, with its header",
	  "curl -X GET \"https://desk.zoho.eu/api/v1/tickets/search?t"
	  "icketNumber=101&limit=1\" -H \"orgId:2389290\" -H \"Author"
	  "ization:Zoho-oauthtoken 1000.67013ab3960787bcf3affae67e649"
	  "fc0.83a789c859e040bf11e7d05f9c8b5ef6\"",
	  "{\"method\":\"GET\",\"url\":\"https://desk.zoho.eu/api/v1/"
	  "tickets/search\",\"query\":[{\"name\":\"ticketNumber\",\"v"
	  "alue\":\"101\"},{\"name\":\"limit\",\"value\":\"1\"}],\"he"
	  "aders\":[{\"name\":\"orgId\",\"value\":\"2389290\"}],\"bod"
	  "y\":{\"type\":\"none\"},\"max_redirects\":0}",
	  "bearer header Authorization 'Zoho-oauthtoken ' desk.zoho.e"
	  "u zoho_desk zoho", "", "" },
	{ "Zoho Desk, the list that ignores its filter",
	  "curl \"https://desk.zoho.com/api/v1/tickets?ticketNumber=1"
	  "01\" -H \"Authorization: Zoho-oauthtoken $T\"",
	  "{\"method\":\"GET\",\"url\":\"https://desk.zoho.com/api/v1"
	  "/tickets\",\"query\":[{\"name\":\"ticketNumber\",\"value\""
	  ":\"101\"}],\"headers\":[],\"body\":{\"type\":\"none\"},\"m"
	  "ax_redirects\":0}",
	  "bearer header Authorization 'Zoho-oauthtoken ' desk.zoho.c"
	  "om zoho_desk zoho", "", "/url filter_ignored" },
	{ "Zoho CRM, a record",
	  "curl \"https://www.zohoapis.com/crm/v5/Leads\" -X POST -H "
	  "\"Authorization: Zoho-oauthtoken 1000.8cb99dxxxxxxxxxxxxx9"
	  "be93.9b8xxxxxxxxxxxxxxxf\" -d '{\"data\":[{\"Last_Name\":\""
	  "Kay\",\"Email\":\"kay@example.com\"}]}'",
	  "{\"method\":\"POST\",\"url\":\"https://www.zohoapis.com/cr"
	  "m/v5/Leads\",\"query\":[],\"headers\":[],\"body\":{\"type\""
	  ":\"json\",\"content\":{\"data\":[{\"Last_Name\":\"Kay\",\""
	  "Email\":\"kay@example.com\"}]}},\"max_redirects\":0}",
	  "bearer header Authorization 'Zoho-oauthtoken ' www.zohoapi"
	  "s.com zoho_books zoho_creator zoho_crm zoho_inventory zoho", "--data", "" },
	{ "Zoho, a token request",
	  "curl -X POST \"https://accounts.zoho.com/oauth/v2/token\" "
	  "-d \"refresh_token=1000.abc\" -d \"client_id=1000.XYZ\" -d"
	  " \"client_secret=0123abcd\" -d \"grant_type=refresh_token\"",
	  "{\"method\":\"POST\",\"url\":\"https://accounts.zoho.com/o"
	  "auth/v2/token\",\"query\":[],\"headers\":[],\"body\":{\"ty"
	  "pe\":\"form\",\"content\":[{\"name\":\"client_id\",\"value"
	  "\":\"1000.XYZ\"},{\"name\":\"grant_type\",\"value\":\"refr"
	  "esh_token\"}]},\"max_redirects\":0}",
	  "api_key form refresh_token '' accounts.zoho.com; api_key f"
	  "orm client_secret '' accounts.zoho.com", "", "" },
	{ "HubSpot",
	  "curl --request GET --url 'https://api.hubapi.com/crm/v3/ob"
	  "jects/contacts?limit=10&archived=false' --header 'authoriz"
	  "ation: Bearer YOUR_ACCESS_TOKEN'",
	  "{\"method\":\"GET\",\"url\":\"https://api.hubapi.com/crm/v"
	  "3/objects/contacts\",\"query\":[{\"name\":\"limit\",\"valu"
	  "e\":\"10\"},{\"name\":\"archived\",\"value\":\"false\"}],\""
	  "headers\":[],\"body\":{\"type\":\"none\"},\"max_redirects\""
	  ":0}",
	  "bearer header authorization 'Bearer ' api.hubapi.com hubsp"
	  "ot", "", "" },
	{ "HubSpot, the old key in the query",
	  "curl 'https://api.hubapi.com/crm/v3/objects/contacts?limit"
	  "=10&hapikey=0a1b2c3d-1111-2222-3333-444455556666'",
	  "{\"method\":\"GET\",\"url\":\"https://api.hubapi.com/crm/v"
	  "3/objects/contacts\",\"query\":[{\"name\":\"limit\",\"valu"
	  "e\":\"10\"}],\"headers\":[],\"body\":{\"type\":\"none\"},\""
	  "max_redirects\":0}",
	  "api_key query hapikey '' api.hubapi.com hubspot", "", "" },
	{ "SendGrid",
	  "curl --request POST --url https://api.sendgrid.com/v3/mail"
	  "/send --header \"Authorization: Bearer $SENDGRID_API_KEY\""
	  " --header 'Content-Type: application/json' --data '{\"pers"
	  "onalizations\": [{\"to\": [{\"email\": \"test@example.com\""
	  "}]}],\"subject\": \"Sending with {{name}}\"}'",
	  "{\"method\":\"POST\",\"url\":\"https://api.sendgrid.com/v3"
	  "/mail/send\",\"query\":[],\"headers\":[],\"body\":{\"type\""
	  ":\"json\",\"content\":{\"personalizations\":[{\"to\":[{\"e"
	  "mail\":\"test@example.com\"}]}],\"subject\":\"Sending with"
	  " {{{{name}}\"}},\"max_redirects\":0}",
	  "bearer header Authorization 'Bearer ' api.sendgrid.com sen"
	  "dgrid", "-", "" },
	{ "Shopify",
	  "curl -X POST https://your-shop.myshopify.com/admin/api/202"
	  "4-01/graphql.json -H 'Content-Type: application/json' -H '"
	  "X-Shopify-Access-Token: shpat_0123456789abcdef0123456789ab"
	  "cdef' -d '{\"query\":\"query { shop { name } }\"}'",
	  "{\"method\":\"POST\",\"url\":\"https://your-shop.myshopify"
	  ".com/admin/api/2024-01/graphql.json\",\"query\":[],\"heade"
	  "rs\":[],\"body\":{\"type\":\"json\",\"content\":{\"query\""
	  ":\"query { shop { name } }\"}},\"max_redirects\":0}",
	  "api_key header X-Shopify-Access-Token '' your-shop.myshopi"
	  "fy.com shopify", "", "" },
	{ "Notion",
	  "curl 'https://api.notion.com/v1/pages/b55c9c91384d452bb5db"
	  "d1ae00000000' -H 'Notion-Version: 2022-06-28' -H 'Authoriz"
	  "ation: Bearer '\"$NOTION_API_KEY\"''",
	  "{\"method\":\"GET\",\"url\":\"https://api.notion.com/v1/pa"
	  "ges/b55c9c91384d452bb5dbd1ae00000000\",\"query\":[],\"head"
	  "ers\":[{\"name\":\"Notion-Version\",\"value\":\"2022-06-28"
	  "\"}],\"body\":{\"type\":\"none\"},\"max_redirects\":0}",
	  "bearer header Authorization 'Bearer ' api.notion.com notio"
	  "n", "", "" },
	{ "Zendesk",
	  "curl https://mycompany.zendesk.com/api/v2/tickets.json -v "
	  "-u jdoe@example.com/token:6wiIBWbGkBMo1mRDMuVwkw1EPsNkeUj9"
	  "5PIz2akv",
	  "{\"method\":\"GET\",\"url\":\"https://mycompany.zendesk.co"
	  "m/api/v2/tickets.json\",\"query\":[],\"headers\":[],\"body"
	  "\":{\"type\":\"none\"},\"max_redirects\":0}",
	  "basic header Authorization 'Basic ' mycompany.zendesk.com "
	  "zendesk", "", "" },
	{ "GitLab",
	  "curl --header \"PRIVATE-TOKEN: glpat-0123456789abcdefghij\""
	  " \"https://gitlab.example.com/api/v4/projects/24/issues/5?"
	  "private_token=abc\"",
	  "{\"method\":\"GET\",\"url\":\"https://gitlab.example.com/a"
	  "pi/v4/projects/24/issues/5\",\"query\":[],\"headers\":[],\""
	  "body\":{\"type\":\"none\"},\"max_redirects\":0}",
	  "api_key query private_token '' gitlab.example.com; api_key"
	  " header PRIVATE-TOKEN '' gitlab.example.com", "", "" },
	{ "Intercom",
	  "curl -X PUT \"https://api.eu.intercom.io/contacts/63a07ddf"
	  "05a32042dffac965\" -H 'Authorization: Bearer <access_token"
	  ">' -H 'Content-Type: application/json' -d @- <<BODY\n"
	  "{\"name\": \"x\"}\n"
	  "BODY",
	  "{\"method\":\"PUT\",\"url\":\"https://api.eu.intercom.io/c"
	  "ontacts/63a07ddf05a32042dffac965\",\"query\":[],\"headers\""
	  ":[{\"name\":\"Content-Type\",\"value\":\"application/json\""
	  "}],\"body\":{\"type\":\"none\"},\"max_redirects\":0}",
	  "bearer header Authorization 'Bearer ' api.eu.intercom.io i"
	  "ntercom", "- - --data", "" },
	{ "Airtable",
	  "curl \"https://api.airtable.com/v0/appXYZ/Table%20Name?max"
	  "Records=3&view=Grid%20view\" -H \"Authorization: Bearer pa"
	  "tABC.0123\"",
	  "{\"method\":\"GET\",\"url\":\"https://api.airtable.com/v0/"
	  "appXYZ/Table%20Name\",\"query\":[{\"name\":\"maxRecords\","
	  "\"value\":\"3\"},{\"name\":\"view\",\"value\":\"Grid view\""
	  "}],\"headers\":[],\"body\":{\"type\":\"none\"},\"max_redir"
	  "ects\":0}",
	  "bearer header Authorization 'Bearer ' api.airtable.com air"
	  "table", "", "" },
	{ "Google, a key",
	  "curl 'https://sheets.googleapis.com/v4/spreadsheets/1A/val"
	  "ues/Sheet1!A1:D5?key=AIzaSyA-0123456789abcdefghijklmnopqrs"
	  "tuv' --header 'Accept: application/json' --compressed",
	  "{\"method\":\"GET\",\"url\":\"https://sheets.googleapis.co"
	  "m/v4/spreadsheets/1A/values/Sheet1!A1:D5\",\"query\":[],\""
	  "headers\":[{\"name\":\"Accept\",\"value\":\"application/js"
	  "on\"}],\"body\":{\"type\":\"none\"},\"max_redirects\":0}",
	  "api_key query key '' sheets.googleapis.com google_sheets", "", "" },
	{ "Jira",
	  "curl -D- -u fred@example.com:freds_api_token -X GET -H \"C"
	  "ontent-Type: application/json\" \"https://your-domain.atla"
	  "ssian.net/rest/api/3/issue/QA-31\"",
	  "{\"method\":\"GET\",\"url\":\"https://your-domain.atlassia"
	  "n.net/rest/api/3/issue/QA-31\",\"query\":[],\"headers\":[{"
	  "\"name\":\"Content-Type\",\"value\":\"application/json\"}]"
	  ",\"body\":{\"type\":\"none\"},\"max_redirects\":0}",
	  "basic header Authorization 'Basic ' your-domain.atlassian."
	  "net jira", "", "" },
	{ "Microsoft Graph",
	  "curl -X PATCH https://graph.microsoft.com/v1.0/me -H \"Aut"
	  "horization: Bearer eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.ey"
	  "JhdWQiOiJodHRwcyJ9.c2lnbmF0dXJl\" --json '{\"jobTitle\":\""
	  "x\"}'",
	  "{\"method\":\"PATCH\",\"url\":\"https://graph.microsoft.co"
	  "m/v1.0/me\",\"query\":[],\"headers\":[{\"name\":\"Accept\""
	  ",\"value\":\"application/json\"}],\"body\":{\"type\":\"jso"
	  "n\",\"content\":{\"jobTitle\":\"x\"}},\"max_redirects\":0}",
	  "bearer header Authorization 'Bearer ' graph.microsoft.com "
	  "microsoft_graph", "", "" },
	{ "Telegram",
	  "curl -d chat_id=1 -d text=Hi \"https://api.telegram.org/bo"
	  "t123456:ABC-DEF1234ghIkl-zyx57W2v1u123ew11/sendMessage\"",
	  "{\"method\":\"POST\",\"url\":\"https://api.telegram.org/se"
	  "ndMessage\",\"query\":[],\"headers\":[],\"body\":{\"type\""
	  ":\"form\",\"content\":[{\"name\":\"chat_id\",\"value\":\"1"
	  "\"},{\"name\":\"text\",\"value\":\"Hi\"}]},\"max_redirects"
	  "\":0}",
	  "api_key path  'bot' api.telegram.org", "", "" },
	{ "Chrome's developer tools",
	  "curl 'https://app.example.com/api/items?page=2' \\\n"
	  "  -H 'accept: */*' \\\n"
	  "  -H 'accept-language: en-GB,en;q=0.9' \\\n"
	  "  -b '_ga=GA1.1.1; session=s3cr3t' \\\n"
	  "  -H 'priority: u=1, i' \\\n"
	  "  -H 'sec-ch-ua: \"Chromium\";v=\"130\", \"Not?A_Brand\";v"
	  "=\"99\"' \\\n"
	  "  -H 'x-csrf-token: abcd' \\\n"
	  "  --data-raw $'{\"text\":\"it\\'s \\u0021 \\\\n"
	  "\"}' \\\n"
	  "  --insecure",
	  "{\"method\":\"POST\",\"url\":\"https://app.example.com/api"
	  "/items\",\"query\":[{\"name\":\"page\",\"value\":\"2\"}],\""
	  "headers\":[{\"name\":\"accept\",\"value\":\"*/*\"},{\"name"
	  "\":\"accept-language\",\"value\":\"en-GB,en;q=0.9\"},{\"na"
	  "me\":\"priority\",\"value\":\"u=1, i\",\"off\":true},{\"na"
	  "me\":\"sec-ch-ua\",\"value\":\"\\\"Chromium\\\";v=\\\"130\\"
	  "\", \\\"Not?A_Brand\\\";v=\\\"99\\\"\",\"off\":true}],\"bo"
	  "dy\":{\"type\":\"json\",\"content\":{\"text\":\"it's ! \\n"
	  "\"}},\"max_redirects\":0}",
	  "cookie header Cookie '' app.example.com; api_key header x-"
	  "csrf-token '' app.example.com", "--insecure --cookie --header --data", "" },
	{ "Firefox' developer tools",
	  "curl 'https://app.example.com/graphql' --compressed -X POS"
	  "T -H 'User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:132.0"
	  ")' -H 'Accept-Encoding: gzip, deflate, br' -H 'Content-Typ"
	  "e: application/json' -H 'Origin: https://app.example.com' "
	  "-H 'Connection: keep-alive' -H 'Cookie: sid=abc' -H 'TE: t"
	  "railers' --data-raw '{\"query\":\"{ me { id } }\",\"variab"
	  "les\":{}}'",
	  "{\"method\":\"POST\",\"url\":\"https://app.example.com/gra"
	  "phql\",\"query\":[],\"headers\":[{\"name\":\"User-Agent\","
	  "\"value\":\"Mozilla/5.0 (X11; Linux x86_64; rv:132.0)\"},{"
	  "\"name\":\"Origin\",\"value\":\"https://app.example.com\"}"
	  "],\"body\":{\"type\":\"json\",\"content\":{\"query\":\"{ m"
	  "e { id } }\",\"variables\":{}}},\"max_redirects\":0}",
	  "cookie header Cookie '' app.example.com", "--header --cookie", "" },
	{ "Safari, multiline single quotes",
	  "curl 'https://app.example.com/save' \\\n"
	  "-X 'POST' \\\n"
	  "-H 'Content-Type: application/x-www-form-urlencoded; chars"
	  "et=UTF-8' \\\n"
	  "--data-binary 'a=1&b=two+words&c=%C3%A9'",
	  "{\"method\":\"POST\",\"url\":\"https://app.example.com/sav"
	  "e\",\"query\":[],\"headers\":[],\"body\":{\"type\":\"form\""
	  ",\"content\":[{\"name\":\"a\",\"value\":\"1\"},{\"name\":\""
	  "b\",\"value\":\"two words\"},{\"name\":\"c\",\"value\":\"\303"
	  "\251\"}]},\"max_redirects\":0}",
	  "", "", "" },
	{ "Postman",
	  "curl --location --globoff '{{baseUrl}}/v1/users/{id}' --he"
	  "ader 'x-api-key: {{apiKey}}'",
	  "{\"method\":\"GET\",\"url\":\"https://{{{{baseUrl}}/v1/use"
	  "rs/{id}\",\"query\":[],\"headers\":[],\"body\":{\"type\":\""
	  "none\"},\"max_redirects\":5}",
	  "api_key header x-api-key '' ", "- - -", "" },
	{ "Postman, a form",
	  "curl --location 'https://api.example.com/upload' --form 'f"
	  "ile=@\"/home/ada/report.pdf\"' --form 'note=\"for you\"' -"
	  "-form-string 'raw=@plain;type=x'",
	  "{\"method\":\"POST\",\"url\":\"https://api.example.com/upl"
	  "oad\",\"query\":[],\"headers\":[],\"body\":{\"type\":\"mul"
	  "tipart\",\"content\":[{\"name\":\"file\",\"value\":\"\",\""
	  "filename\":\"report.pdf\"},{\"name\":\"note\",\"value\":\""
	  "for you\"},{\"name\":\"raw\",\"value\":\"@@plain;type=x\"}"
	  "]},\"max_redirects\":5}",
	  "", "--form", "" },
	{ "Insomnia",
	  "curl --request POST --url http://localhost:8080/things --h"
	  "eader 'Content-Type: text/plain' --data 'just text @input."
	  "name'",
	  "{\"method\":\"POST\",\"url\":\"http://localhost:8080/thing"
	  "s\",\"query\":[],\"headers\":[{\"name\":\"Content-Type\",\""
	  "value\":\"text/plain\"}],\"body\":{\"type\":\"text\",\"con"
	  "tent\":\"just text @@input.name\"},\"max_redirects\":0}",
	  "", "-", "" },
	{ "joined letters",
	  "curl -sSLXPUT -d@body.json -HX-A:1 -m5 https://api.example"
	  ".com/x",
	  "{\"method\":\"PUT\",\"url\":\"https://api.example.com/x\","
	  "\"query\":[],\"headers\":[{\"name\":\"X-A\",\"value\":\"1\""
	  "}],\"body\":{\"type\":\"none\"},\"max_redirects\":5,\"time"
	  "out_ms\":5000}",
	  "", "--data", "" },
	{ "cut options that mean one",
	  "curl --heade 'X-Y: z' --data-bin 'x' --no-insec --no-silen"
	  "t https://api.example.com/x",
	  "{\"method\":\"POST\",\"url\":\"https://api.example.com/x\""
	  ",\"query\":[],\"headers\":[{\"name\":\"X-Y\",\"value\":\"z"
	  "\"},{\"name\":\"Content-Type\",\"value\":\"application/x-w"
	  "ww-form-urlencoded\"}],\"body\":{\"type\":\"text\",\"conte"
	  "nt\":\"x\"},\"max_redirects\":0}",
	  "", "", "" },
	{ "behind a pipe",
	  "curl -s https://api.example.com/x | jq '.items[] | .id'",
	  "{\"method\":\"GET\",\"url\":\"https://api.example.com/x\","
	  "\"query\":[],\"headers\":[],\"body\":{\"type\":\"none\"},\""
	  "max_redirects\":0}",
	  "", "-", "" },
	{ "behind && and ;",
	  "curl https://api.example.com/x && curl https://api.example"
	  ".com/y; echo done",
	  "{\"method\":\"GET\",\"url\":\"https://api.example.com/x\","
	  "\"query\":[],\"headers\":[],\"body\":{\"type\":\"none\"},\""
	  "max_redirects\":0}",
	  "", "-", "" },
	{ "an & without quotes",
	  "curl https://api.example.com/x?a=1&token=abc",
	  "{\"method\":\"GET\",\"url\":\"https://api.example.com/x\","
	  "\"query\":[{\"name\":\"a\",\"value\":\"1\"}],\"headers\":["
	  "],\"body\":{\"type\":\"none\"},\"max_redirects\":0}",
	  "", "-", "" },
	{ "into a file",
	  "curl https://api.example.com/x -o out.json > log 2>&1",
	  "{\"method\":\"GET\",\"url\":\"https://api.example.com/x\","
	  "\"query\":[],\"headers\":[],\"body\":{\"type\":\"none\"},\""
	  "max_redirects\":0}",
	  "", "-", "" },
	{ "after assignments and sudo",
	  "TOKEN=abc sudo /usr/bin/curl -H \"Authorization: Bearer $T"
	  "OKEN\" https://api.example.com/x",
	  "{\"method\":\"GET\",\"url\":\"https://api.example.com/x\","
	  "\"query\":[],\"headers\":[],\"body\":{\"type\":\"none\"},\""
	  "max_redirects\":0}",
	  "bearer header Authorization 'Bearer ' api.example.com", "-", "" },
	{ "in a script",
	  "#!/bin/sh\n"
	  "# fetch it\n"
	  "TOKEN=$(cat token)\n"
	  "curl -H \"X-Auth-Token: $TOKEN\" \\\n"
	  "  https://api.example.com/x # the end",
	  "{\"method\":\"GET\",\"url\":\"https://api.example.com/x\","
	  "\"query\":[],\"headers\":[],\"body\":{\"type\":\"none\"},\""
	  "max_redirects\":0}",
	  "api_key header X-Auth-Token '' api.example.com", "", "" },
	{ "two URLs and --next",
	  "curl https://a.example.com/1 https://a.example.com/2 --nex"
	  "t -d x=y https://b.example.com",
	  "{\"method\":\"GET\",\"url\":\"https://a.example.com/1\",\""
	  "query\":[],\"headers\":[],\"body\":{\"type\":\"none\"},\"m"
	  "ax_redirects\":0}",
	  "", "--url --next", "" },
	{ "no scheme",
	  "curl api.example.com:8443/x?flag",
	  "{\"method\":\"GET\",\"url\":\"https://api.example.com:8443"
	  "/x?flag\",\"query\":[],\"headers\":[],\"body\":{\"type\":\""
	  "none\"},\"max_redirects\":0}",
	  "", "-", "" },
	{ "user in the URL",
	  "curl https://ada:s3cret@api.example.com/x#top",
	  "{\"method\":\"GET\",\"url\":\"https://api.example.com/x\","
	  "\"query\":[],\"headers\":[],\"body\":{\"type\":\"none\"},\""
	  "max_redirects\":0}",
	  "basic header Authorization 'Basic ' api.example.com", "", "" },
	{ "--json twice",
	  "curl --json '{\"a\":' --json '1}' https://api.example.com/"
	  "x",
	  "{\"method\":\"POST\",\"url\":\"https://api.example.com/x\""
	  ",\"query\":[],\"headers\":[{\"name\":\"Accept\",\"value\":"
	  "\"application/json\"}],\"body\":{\"type\":\"json\",\"conte"
	  "nt\":{\"a\":1}},\"max_redirects\":0}",
	  "", "", "" },
	{ "--data-urlencode in all its forms",
	  "curl https://api.example.com/x --data-urlencode 'a b' --da"
	  "ta-urlencode '=c&d' --data-urlencode 'n=\303\251 @' --data"
	  "-urlencode @file --data-urlencode m@file",
	  "{\"method\":\"POST\",\"url\":\"https://api.example.com/x\""
	  ",\"query\":[],\"headers\":[{\"name\":\"Content-Type\",\"va"
	  "lue\":\"application/x-www-form-urlencoded\"}],\"body\":{\""
	  "type\":\"text\",\"content\":\"a%20b&c%26d&n=%C3%A9%20%40&&"
	  "m=\"},\"max_redirects\":0}",
	  "", "--data-urlencode", "" },
	{ "--url-query and -G",
	  "curl -G 'https://api.example.com/x?a=1' --url-query 'b=2 3"
	  "' -d c=4 --data-urlencode 'd=5&6'",
	  "{\"method\":\"GET\",\"url\":\"https://api.example.com/x\","
	  "\"query\":[{\"name\":\"a\",\"value\":\"1\"},{\"name\":\"b\""
	  ",\"value\":\"2 3\"},{\"name\":\"c\",\"value\":\"4\"},{\"na"
	  "me\":\"d\",\"value\":\"5&6\"}],\"headers\":[],\"body\":{\""
	  "type\":\"none\"},\"max_redirects\":0}",
	  "", "", "" },
	{ "a query that is no list of pairs",
	  "curl 'https://api.example.com/x?flag&a=1&access_token=abc'",
	  "{\"method\":\"GET\",\"url\":\"https://api.example.com/x?fl"
	  "ag&a=1\",\"query\":[],\"headers\":[],\"body\":{\"type\":\""
	  "none\"},\"max_redirects\":0}",
	  "api_key query access_token '' api.example.com", "", "" },
	{ "a form that is none",
	  "curl -d 'just some text' https://api.example.com/x",
	  "{\"method\":\"POST\",\"url\":\"https://api.example.com/x\""
	  ",\"query\":[],\"headers\":[{\"name\":\"Content-Type\",\"va"
	  "lue\":\"application/x-www-form-urlencoded\"}],\"body\":{\""
	  "type\":\"text\",\"content\":\"just some text\"},\"max_redi"
	  "rects\":0}",
	  "", "", "" },
	{ "XML",
	  "curl -H 'Content-Type: text/xml; charset=utf-8' -d '<?xml "
	  "version=\"1.0\"?><a b=\"c@d\">{{x}}</a>' https://api.examp"
	  "le.com/soap",
	  "{\"method\":\"POST\",\"url\":\"https://api.example.com/soa"
	  "p\",\"query\":[],\"headers\":[{\"name\":\"Content-Type\",\""
	  "value\":\"text/xml; charset=utf-8\"}],\"body\":{\"type\":\""
	  "xml\",\"content\":\"<?xml version=\\\"1.0\\\"?><a b=\\\"c@"
	  "d\\\">{{{{x}}</a>\"},\"max_redirects\":0}",
	  "", "-", "" },
	{ "JSON with secrets inside",
	  "curl --json '{\"user\":\"ada\",\"password\":\"hunter2\",\""
	  "nested\":{\"apiKeys\":[\"a\"],\"api_key\":[\"k1\",\"k2\"]}"
	  ",\"max_tokens\":5,\"note\":\"see ghp_16C7e42F292c6912E7710"
	  "c838347Ae178B4a\"}' https://api.example.com/login",
	  "{\"method\":\"POST\",\"url\":\"https://api.example.com/log"
	  "in\",\"query\":[],\"headers\":[{\"name\":\"Accept\",\"valu"
	  "e\":\"application/json\"}],\"body\":{\"type\":\"json\",\"c"
	  "ontent\":{\"user\":\"ada\",\"password\":\"\",\"nested\":{\""
	  "apiKeys\":[\"a\"],\"api_key\":[\"\",\"\"]},\"max_tokens\":"
	  "5,\"note\":\"\"}},\"max_redirects\":0}",
	  "api_key json password '' api.example.com; api_key json api"
	  "_key '' api.example.com; api_key json note '' api.example."
	  "com", "", "" },
	{ "JSON that is broken",
	  "curl -H 'Content-Type: application/json' -d '{\"a\": 1,}' "
	  "https://api.example.com/x",
	  "{\"method\":\"POST\",\"url\":\"https://api.example.com/x\""
	  ",\"query\":[],\"headers\":[{\"name\":\"Content-Type\",\"va"
	  "lue\":\"application/json\"}],\"body\":{\"type\":\"text\",\""
	  "content\":\"{\\\"a\\\": 1,}\"},\"max_redirects\":0}",
	  "", "", "" },
	{ "limits",
	  "curl -L --max-redirs 3 -m 2.5 --retry 3 --max-filesize 500"
	  "0 https://api.example.com/x",
	  "{\"method\":\"GET\",\"url\":\"https://api.example.com/x\","
	  "\"query\":[],\"headers\":[],\"body\":{\"type\":\"none\"},\""
	  "max_redirects\":3,\"timeout_ms\":2500,\"max_bytes\":5000,\""
	  "retries\":{\"max\":3,\"on\":[\"transport\",429,502,503,504"
	  "]}}",
	  "", "", "" },
	{ "limits beyond",
	  "curl -m 0.2 --retry 9 -X POST https://api.example.com/x",
	  "{\"method\":\"POST\",\"url\":\"https://api.example.com/x\""
	  ",\"query\":[],\"headers\":[],\"body\":{\"type\":\"none\"},"
	  "\"max_redirects\":0,\"timeout_ms\":1000}",
	  "", "- --retry", "" },
	{ "proxy, certificates, unchecked",
	  "curl -k -x http://user:pw@proxy:3128 --proxy-user a:b -E c"
	  "ert.pem:pass --key k.pem --cacert ca.pem https://api.examp"
	  "le.com/x",
	  "{\"method\":\"GET\",\"url\":\"https://api.example.com/x\","
	  "\"query\":[],\"headers\":[],\"body\":{\"type\":\"none\"},\""
	  "max_redirects\":0}",
	  "", "--insecure --proxy --cert --cacert", "" },
	{ "digest",
	  "curl --digest -u ada:s3cret https://api.example.com/x",
	  "{\"method\":\"GET\",\"url\":\"https://api.example.com/x\","
	  "\"query\":[],\"headers\":[],\"body\":{\"type\":\"none\"},\""
	  "max_redirects\":0}",
	  "", "--digest", "" },
	{ "AWS",
	  "curl --aws-sigv4 \"aws:amz:eu-west-1:s3\" --user \"AKIAIOS"
	  "FODNN7EXAMPLE:wJalrXUtnFEMI\" https://s3.amazonaws.com/buc"
	  "ket",
	  "{\"method\":\"GET\",\"url\":\"https://s3.amazonaws.com/buc"
	  "ket\",\"query\":[],\"headers\":[],\"body\":{\"type\":\"non"
	  "e\"},\"max_redirects\":0}",
	  "", "--aws-sigv4", "" },
	{ "a bearer option",
	  "curl --oauth2-bearer mF_9.B5f-4.1JqM https://api.example.c"
	  "om/x",
	  "{\"method\":\"GET\",\"url\":\"https://api.example.com/x\","
	  "\"query\":[],\"headers\":[],\"body\":{\"type\":\"none\"},\""
	  "max_redirects\":0}",
	  "bearer header Authorization 'Bearer ' api.example.com", "", "" },
	{ "an upload",
	  "curl -T file.bin https://api.example.com/files/1",
	  "{\"method\":\"PUT\",\"url\":\"https://api.example.com/file"
	  "s/1\",\"query\":[],\"headers\":[],\"body\":{\"type\":\"non"
	  "e\"},\"max_redirects\":0}",
	  "", "--upload-file", "" },
	{ "a head request",
	  "curl -I https://api.example.com/x",
	  "{\"method\":\"HEAD\",\"url\":\"https://api.example.com/x\""
	  ",\"query\":[],\"headers\":[],\"body\":{\"type\":\"none\"},"
	  "\"max_redirects\":0}",
	  "", "", "" },
	{ "a GET with a body",
	  "curl -X GET https://search.example.com/_search -H 'Content"
	  "-Type: application/json' -d '{\"query\":{\"match_all\":{}}"
	  "}'",
	  "{\"method\":\"GET\",\"url\":\"https://search.example.com/_"
	  "search\",\"query\":[],\"headers\":[],\"body\":{\"type\":\""
	  "json\",\"content\":{\"query\":{\"match_all\":{}}}},\"max_r"
	  "edirects\":0}",
	  "", "--request", "" },
	{ "header forms",
	  "curl -H 'X-Empty;' -H 'Accept:' -H @headers.txt -H 'no col"
	  "on' -A 'ua/1' -e 'https://r.example/;auto' -r 0-99 https:/"
	  "/api.example.com/x",
	  "{\"method\":\"GET\",\"url\":\"https://api.example.com/x\","
	  "\"query\":[],\"headers\":[{\"name\":\"X-Empty\",\"value\":"
	  "\"\"},{\"name\":\"User-Agent\",\"value\":\"ua/1\"},{\"name"
	  "\":\"Referer\",\"value\":\"https://r.example/\"},{\"name\""
	  ":\"Range\",\"value\":\"bytes=0-99\"}],\"body\":{\"type\":\""
	  "none\"},\"max_redirects\":0}",
	  "", "--header --header", "" },
	{ "--name=value",
	  "curl --request=POST --data='a=b' https://api.example.com/x",
	  "{\"method\":\"POST\",\"url\":\"https://api.example.com/x\""
	  ",\"query\":[],\"headers\":[],\"body\":{\"type\":\"form\",\""
	  "content\":[{\"name\":\"a\",\"value\":\"b\"}]},\"max_redire"
	  "cts\":0}",
	  "", "", "" },
	{ "end of options",
	  "curl -s -- https://api.example.com/-x",
	  "{\"method\":\"GET\",\"url\":\"https://api.example.com/-x\""
	  ",\"query\":[],\"headers\":[],\"body\":{\"type\":\"none\"},"
	  "\"max_redirects\":0}",
	  "", "", "" },
	{ "CRLF",
	  "curl \"https://api.example.com/x\" \\\n"
	  "  -H \"A: b\"",
	  "{\"method\":\"GET\",\"url\":\"https://api.example.com/x\","
	  "\"query\":[],\"headers\":[{\"name\":\"A\",\"value\":\"b\"}"
	  "],\"body\":{\"type\":\"none\"},\"max_redirects\":0}",
	  "", "", "" },
	{ "special characters of templates",
	  "curl 'https://api.example.com/@ada/{{x}}?q=@input.name&r=a"
	  "@b' -H 'X-T: @{input.x}' -d '{\"@type\":\"@input.y\",\"m\""
	  ":\"ada@example.com\"}'",
	  "{\"method\":\"POST\",\"url\":\"https://api.example.com/@@a"
	  "da/{{{{x}}\",\"query\":[{\"name\":\"q\",\"value\":\"@@inpu"
	  "t.name\"},{\"name\":\"r\",\"value\":\"a@b\"}],\"headers\":"
	  "[{\"name\":\"X-T\",\"value\":\"@@{input.x}\"}],\"body\":{\""
	  "type\":\"json\",\"content\":{\"@type\":\"@@input.y\",\"m\""
	  ":\"ada@example.com\"}},\"max_redirects\":0}",
	  "", "- --data", "" },
	{ "Digest in Authorization",
	  "curl -H 'Authorization: Digest username=\"Mufasa\", respon"
	  "se=\"6629fae4\"' https://api.example.com/x",
	  "{\"method\":\"GET\",\"url\":\"https://api.example.com/x\","
	  "\"query\":[],\"headers\":[],\"body\":{\"type\":\"none\"},\""
	  "max_redirects\":0}",
	  "", "--header", "" },
	{ "an unknown scheme",
	  "curl -H 'Authorization: 0123456789abcdef' https://api.exam"
	  "ple.com/x",
	  "{\"method\":\"GET\",\"url\":\"https://api.example.com/x\","
	  "\"query\":[],\"headers\":[],\"body\":{\"type\":\"none\"},\""
	  "max_redirects\":0}",
	  "api_key header Authorization '' api.example.com", "", "" },
	{ "ApiKey scheme",
	  "curl -H 'Authorization: ApiKey dGVzdDp0ZXN0' https://es.ex"
	  "ample.com/_cat",
	  "{\"method\":\"GET\",\"url\":\"https://es.example.com/_cat\""
	  ",\"query\":[],\"headers\":[],\"body\":{\"type\":\"none\"},"
	  "\"max_redirects\":0}",
	  "api_key header Authorization 'ApiKey ' es.example.com", "", "" },
};
/* clang-format on */

#endif
