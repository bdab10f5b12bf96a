package cli

// laterCommands are commands people will look for, with what they are about,
// that this release does not have. They are refused by name, so that nobody
// takes them for misspelled.
var laterCommands = map[string]string{
	"account": "accounts of a server; `tidings stream usage` shows what yours uses of JetStream",
	"audit":   "checks of a whole system",
	"auth":    "operators, accounts, users and their keys",
	"backup":  "copies of an account's streams; `tidings stream backup --all` writes them",
	"cheat":   "short recipes",
	"errors":  "the error codes of the API",
	"events":  "events and advisories of a server",
	"graph":   "live message rates",
	"latency": "latency between two servers; `tidings bench` measures one",
	"restore": "bringing back copies of streams; `tidings stream restore --all` does it",
	"schema":  "schemas of the API's messages",
	"server":  "reports and requests about servers",
	"service": "services and their endpoints",
	"top":     "live view of a server's connections",
	"trace":   "the way of a message through a system",
	"traffic": "live message traffic",
}
