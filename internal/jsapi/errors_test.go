package jsapi_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/tidings-io/tidings/internal/jsapi"
)

func TestErrorFillsPlaceholders(t *testing.T) {
	t.Parallel()
	f := func(e *jsapi.Error, want string) {
		t.Helper()
		got, err := json.Marshal(e)
		if err != nil || string(got) != want {
			t.Errorf("got %s, %v, want %s", got, err, want)
		}
	}
	f(jsapi.ErrStreamNotFound.New(), `{"code":404,"err_code":10059,"description":"stream not found"}`)
	f(jsapi.ErrStreamWrongLastSequence.New(7), `{"code":400,"err_code":10071,"description":"wrong last sequence: 7"}`)
	f(jsapi.ErrStreamExternalDelPrefixOverlaps.New("a", "b"),
		`{"code":400,"err_code":10022,"description":"stream external delivery prefix a overlaps with stream subject b"}`)
	f(jsapi.ErrInvalidJSON.New("{err} stays"), `{"code":400,"err_code":10025,"description":"invalid JSON: {err} stays"}`)
	f(jsapi.ErrStreamInvalidConfig.New(), `{"code":500,"err_code":10052,"description":"{err}"}`)
	f(jsapi.ErrStreamNotFound.New("unused"), `{"code":404,"err_code":10059,"description":"stream not found"}`)
	f(jsapi.Code(9).New(), `{"code":500,"err_code":9,"description":"unknown error 9"}`)
	f(jsapi.Code(20000).New(), `{"code":500,"err_code":20000,"description":"unknown error 20000"}`)
}

func TestErrorIsItsCode(t *testing.T) {
	t.Parallel()
	err := fmt.Errorf("create ORDERS: %w", jsapi.ErrStreamInvalidConfig.New("invalid subject"))
	if !errors.Is(err, jsapi.ErrStreamInvalidConfig) || errors.Is(err, jsapi.ErrStreamNotFound) {
		t.Errorf("%v: wrong answer to errors.Is", err)
	}
	if !errors.Is(err, jsapi.ErrStreamInvalidConfig.New("other text")) {
		t.Errorf("%v is not itself with another text", err)
	}
	if got, want := err.Error(), "create ORDERS: invalid subject (10052)"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := jsapi.ErrStreamNotFound.Error(), "stream not found (10059)"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestErrorsAreFoundByName(t *testing.T) {
	t.Parallel()
	if got, ok := jsapi.CodeByName("JSStreamNotFoundErr"); !ok || got != jsapi.ErrStreamNotFound {
		t.Errorf("got %d, %t", got, ok)
	}
	if got, ok := jsapi.CodeByName("JSNoSuchErr"); ok {
		t.Errorf("found %d", got)
	}
	for _, code := range jsapi.Codes() {
		if got, ok := jsapi.CodeByName(code.Name()); !ok || got != code {
			t.Errorf("%d: its name %q leads to %d, %t", code, code.Name(), got, ok)
		}
	}
}

// TestConstantsAndTableAgree reads codes.go: each number of the table has one
// constant, named as the table names it without "JS" and "Err"; initials are in upper case.
func TestConstantsAndTableAgree(t *testing.T) {
	t.Parallel()
	src, err := os.ReadFile("codes.go")
	if err != nil {
		t.Fatal(err)
	}
	file, err := parser.ParseFile(token.NewFileSet(), "codes.go", src, 0)
	if err != nil {
		t.Fatal(err)
	}
	constants := map[jsapi.Code]string{}
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok {
			code, err := strconv.Atoi(spec.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Error(err)
			}
			constants[jsapi.Code(code)] = spec.Names[0].Name
		}
		return true
	})
	codes := jsapi.Codes()
	if len(codes) != len(constants) {
		t.Errorf("%d errors in the table, %d constants", len(codes), len(constants))
	}
	for _, code := range codes {
		name := strings.TrimPrefix(constants[code], "Err")
		if name == "" || !strings.HasPrefix(strings.ToLower(code.Name()), "js"+strings.ToLower(name)) {
			t.Errorf("%d: constant %q, in the table %q", code, constants[code], code.Name())
		}
	}
}
