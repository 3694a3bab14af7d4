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
