package simkernel

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/libioc/go-libioc/kernel"
)

// shell runs "sh -c TEXT", "sh FILE" or standard input: simple commands
// joined by ";", newline, "&&", "||" and "&", with the quoting of sh(1), the
// builtins and "$$". There are no variables, redirections or compound commands.
func shell(ctx context.Context, p *Process) int {
	args := p.Argv[1:]
	for len(args) > 0 && strings.HasPrefix(args[0], "-") && args[0] != "-c" {
		args = args[1:]
	}
	var text string
	switch {
	case len(args) > 1 && args[0] == "-c":
		text = args[1]
	case len(args) > 0 && args[0] != "-c":
		switch args[0] {
		case "/etc/rc", "/etc/rc.shutdown":
			if _, err := p.ReadFile(args[0]); err != nil {
				return shellMissing(p, args[0])
			}
			return 0
		}
		b, err := p.ReadFile(args[0])
		if err != nil {
			return shellMissing(p, args[0])
		}
		text = string(b)
	}
	words, err := shellWords(strings.ReplaceAll(text, "$$", strconv.Itoa(p.PID())))
	if err != nil {
		fmt.Fprintf(p.Stderr, "sh: syntax error: %v\n", err)
		return 2
	}
	return runShell(ctx, p, words)
}

func shellMissing(p *Process, file string) int {
	fmt.Fprintf(p.Stderr, "sh: cannot open %s: No such file or directory\n", file)
	return 127
}

// shellWord is a word, or an operator when op is set.
type shellWord struct {
	text string
	op   bool
}

func runShell(ctx context.Context, p *Process, words []shellWord) int {
	status, skip := 0, false
	var argv []string
	for i := 0; i <= len(words); i++ {
		if i < len(words) && !words[i].op {
			argv = append(argv, words[i].text)
			continue
		}
		op := ";"
		if i < len(words) {
			op = words[i].text
		}
		if len(argv) > 0 && !skip {
			if argv[0] == "exit" {
				if len(argv) > 1 {
					status, _ = strconv.Atoi(argv[1])
				}
				return status
			}
			status = shellCommand(ctx, p, argv, op == "&")
		}
		if ctx.Err() != nil {
			return status
		}
		argv = nil
		switch op {
		case "&&":
			skip = status != 0
		case "||":
			skip = status == 0
		default:
			skip = false
		}
	}
	return status
}

func shellCommand(ctx context.Context, p *Process, argv []string, background bool) int {
	if argv[0] == "exec" {
		if argv = argv[1:]; len(argv) == 0 {
			return 0
		}
	} else if builtin := builtins[argv[0]]; builtin != nil && p.k.opts.Programs[argv[0]] == nil {
		own := *p
		own.Argv = argv
		return builtin(ctx, &own)
	}
	var err error
	if background {
		_, err = p.Start(true, argv...)
		if err == nil {
			return 0
		}
	} else {
		var e kernel.Exit
		if e, err = p.Run(argv...); err == nil {
			if e.Signal != 0 {
				return 128 + e.Signal
			}
			return e.Code
		}
	}
	if ce, ok := errors.AsType[*kernel.CallError](err); ok && ce.Errno != 0 && ce.Err == nil {
		fmt.Fprintf(p.Stderr, "sh: %s: %s\n", argv[0], errnoText(ce.Errno))
		return 126
	}
	fmt.Fprintf(p.Stderr, "sh: %s: not found\n", argv[0])
	return 127
}

var errUnterminated = errors.New("unterminated quoted string")

// shellWords splits a text as sh(1) does, without any expansion.
func shellWords(text string) ([]shellWord, error) {
	var (
		out  []shellWord
		cur  strings.Builder
		have bool
	)
	end := func() {
		if have {
			out = append(out, shellWord{text: cur.String()})
		}
		cur.Reset()
		have = false
	}
	for i := 0; i < len(text); i++ {
		switch c := text[i]; c {
		case ' ', '\t':
			end()
		case '#':
			if have {
				cur.WriteByte(c)
				continue
			}
			for i+1 < len(text) && text[i+1] != '\n' {
				i++
			}
		case '\n', ';':
			end()
			out = append(out, shellWord{";", true})
		case '&', '|':
			end()
			op := string(c)
			if i+1 < len(text) && text[i+1] == c {
				op += string(c)
				i++
			}
			if op == "|" {
				return nil, fmt.Errorf("pipes are not simulated")
			}
			out = append(out, shellWord{op, true})
		case '\'':
			j := strings.IndexByte(text[i+1:], '\'')
			if j < 0 {
				return nil, errUnterminated
			}
			cur.WriteString(text[i+1 : i+1+j])
			have, i = true, i+1+j
		case '"':
			have = true
			for i++; ; i++ {
				if i >= len(text) {
					return nil, errUnterminated
				}
				if text[i] == '"' {
					break
				}
				if text[i] == '\\' && i+1 < len(text) && strings.IndexByte("$`\"\\\n", text[i+1]) >= 0 {
					i++
				}
				cur.WriteByte(text[i])
			}
		case '\\':
			have = true
			if i++; i < len(text) {
				cur.WriteByte(text[i])
			}
		default:
			have = true
			cur.WriteByte(c)
		}
	}
	end()
	return out, nil
}
