package sysadm

import "strings"

// object is a JSON object; encoding/json sorts its keys.
type object = map[string]any

// textObject turns lines of text into an object by the one rule of the 2016
// server, to which the documents owe their odd keys: up to the first empty
// line, white space collapsed and trimmed, the key is what is before the first
// colon and the value what is between it and the second, untrimmed. Later lines
// win.
func textObject(lines []string) object {
	out := object{}
	for _, line := range lines {
		line = strings.Join(strings.Fields(line), " ")
		if line == "" {
			break
		}
		key, value := textPair(line)
		out[key] = value
	}
	return out
}

func textPair(line string) (key, value string) {
	fields := strings.SplitN(line, ":", 3)
	if len(fields) > 1 {
		value = fields[1]
	}
	return fields[0], value
}

// textValue is what is left of a value that was printed behind its key and a
// colon.
func textValue(key, value string) string {
	_, value = textPair(strings.Join(strings.Fields(key+":"+value), " "))
	return value
}

// splitCommand splits a command, or a list of key=value words, as sh(1) would:
// on blanks, with single and double quotes and backslashes, without any
// expansion. A quote that does not end makes ok false.
func splitCommand(text string) (words []string, ok bool) {
	var word strings.Builder
	open, quote := false, rune(0)
	escaped := false
	for _, r := range text {
		switch {
		case escaped:
			if quote == '"' && !strings.ContainsRune("$`\"\\", r) {
				word.WriteByte('\\')
			}
			word.WriteRune(r)
			escaped = false
		case r == '\\' && quote != '\'':
			escaped, open = true, true
		case quote != 0:
			if r == quote {
				quote = 0
			} else {
				word.WriteRune(r)
			}
		case r == '\'' || r == '"':
			quote, open = r, true
		case r == ' ' || r == '\t' || r == '\n' || r == '\r':
			if open {
				words = append(words, word.String())
				word.Reset()
			}
			open = false
		default:
			word.WriteRune(r)
			open = true
		}
	}
	if open {
		words = append(words, word.String())
	}
	return words, quote == 0 && !escaped
}
