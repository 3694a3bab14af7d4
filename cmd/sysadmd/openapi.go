package main

import (
	"encoding/json"
	"strings"

	"github.com/libioc/go-libioc/sysadm"
)

//go:generate sh -c "go run . openapi >../../docs/sysadm-openapi.json"

type object = map[string]any

// openAPI describes the REST form, from the table of actions. All actions are one
// operation, distinguished by a member of the body, so each is one of the body's
// schemas.
func openAPI() []byte {
	schemas := object{
		"Answer": object{
			"type": "object", "required": []string{"args"},
			"properties": object{"args": object{
				"type": "object", "maxProperties": 1,
				"description": "One member, named by the action. If the action failed it has the member error, or for startjail and stopjail one of the lines ERROR, INFO or ... FAILED.",
			}},
		},
		"Refusal": object{
			"type": "object", "required": []string{"args"},
			"properties": object{"args": object{"type": "object", "maxProperties": 0}},
		},
	}
	var one []object
	mapping := object{}
	for _, a := range sysadm.Actions() {
		ref := "#/components/schemas/" + a.Name
		one = append(one, object{"$ref": ref})
		mapping[a.Name] = ref
		schemas[a.Name] = actionSchema(a)
	}
	empty := func(text string) object { return object{"description": text} }
	refusal := func(text string) object {
		return object{"description": text, "content": content("Refusal")}
	}
	doc := object{
		"openapi": "3.1.0",
		"info": object{
			"title": "SysAdm, class sysadm/iocage", "version": sysadm.Dialect2017.String(),
			"description": "The REST form of the class. The body is the argument structure itself, or has it as its member args.",
		},
		"security": []object{{"basic": []string{}}},
		"paths": object{"/sysadm/iocage": object{"put": object{
			"operationId": "iocage",
			"requestBody": object{"required": true, "content": object{"application/json": object{"schema": object{
				"oneOf": one, "discriminator": object{"propertyName": "action", "mapping": mapping},
			}}}},
			"responses": object{
				"200": object{"description": "The action's answer, also when it failed.", "content": content("Answer")},
				"400": refusal("Unknown action, invalid argument, or not a JSON object."),
				"401": empty("No login, a wrong login, or too many wrong logins (then with Retry-After)."),
				"403": refusal("Not permitted to the user's role, or a page of another site (then without a body)."),
				"404": refusal("Unknown class."),
				"408": refusal("The body arrived too slowly."),
				"413": refusal("The body is too large."),
				"503": empty("The server is shutting down."),
			},
		}}},
		"components": object{
			"schemas":         schemas,
			"securitySchemes": object{"basic": object{"type": "http", "scheme": "basic"}},
		},
	}
	text, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		panic(err) // maps, slices and strings
	}
	return append(text, '\n')
}

func content(schema string) object {
	return object{"text/json": object{"schema": object{"$ref": "#/components/schemas/" + schema}}}
}

func actionSchema(a sysadm.Action) object {
	var dialects []string
	for _, d := range a.Dialects {
		dialects = append(dialects, d.String())
	}
	doc := a.Doc + " Role: " + a.Role.String()
	if a.Exec {
		doc += " with the permission to run commands"
	}
	doc += ". In the documents of " + strings.Join(dialects, ", ") + "."
	if a.Job {
		doc += " The answer names a job; an event of the WebSocket form reports its end."
	}
	properties := object{
		"action": object{"type": "string", "const": a.Name},
		"api":    object{"type": "string", "enum": []string{"2017", "2016", "2016-01"}, "description": "dialect of the answer"},
	}
	required := []string{"action"}
	for _, arg := range a.Args {
		schema := object{"type": "string", "description": arg.Doc}
		if arg.List {
			schema = object{"description": arg.Doc, "oneOf": []object{
				{"type": "string"}, {"type": "array", "items": object{"type": "string"}},
			}}
		}
		properties[arg.Name] = schema
		if arg.Required {
			required = append(required, arg.Name)
		}
	}
	return object{"type": "object", "description": doc, "properties": properties, "required": required}
}
