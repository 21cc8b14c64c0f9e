using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace WirePS.Handshakes;

/// <summary>JSON as the other program's encoder writes it (handshake.md §2 and §10), byte for byte.</summary>
internal static class GoJson
{
    /// <summary>A value with two spaces of indent, members in their order.</summary>
    internal static string Indented(JsonNode? value)
    {
        var text = new StringBuilder();
        Append(text, value, "\n");
        return text.ToString();
    }

    /// <summary>A text in quotes: <c>&lt;</c>, <c>&gt;</c>, <c>&amp;</c> and the separators of lines escaped, half characters replaced.</summary>
    internal static void AppendText(StringBuilder text, string value)
    {
        text.Append('"');
        for (var i = 0; i < value.Length; i++)
        {
            var c = value[i];
            if (!char.IsSurrogate(c))
            {
                AppendCharacter(text, c);
            }
            else if (i + 1 < value.Length && char.IsSurrogatePair(c, value[i + 1]))
            {
                text.Append(c).Append(value[++i]);
            }
            else
            {
                text.Append(@"\ufffd");
            }
        }

        text.Append('"');
    }

    private static void Append(StringBuilder text, JsonNode? value, string line)
    {
        switch (value)
        {
            case JsonObject members:
                AppendList(text, '{', '}', members, line, member =>
                {
                    AppendText(text, member.Key);
                    text.Append(": ");
                    Append(text, member.Value, line + "  ");
                });
                break;
            case JsonArray items:
                AppendList(text, '[', ']', items, line, item => Append(text, item, line + "  "));
                break;
            case JsonValue scalar when scalar.GetValueKind() == JsonValueKind.String:
                AppendText(text, scalar.GetValue<string>());
                break;
            default:
                text.Append(value?.ToJsonString() ?? "null");
                break;
        }
    }

    private static void AppendList<T>(StringBuilder text, char open, char close, ICollection<T> items, string line, Action<T> append)
    {
        text.Append(open);
        var separator = line + "  ";
        foreach (var item in items)
        {
            text.Append(separator);
            append(item);
            separator = "," + line + "  ";
        }

        text.Append(items.Count > 0 ? line : "").Append(close);
    }

    private static void AppendCharacter(StringBuilder text, char c)
    {
        _ = c switch
        {
            '"' => text.Append("\\\""),
            '\\' => text.Append(@"\\"),
            '\b' => text.Append(@"\b"),
            '\f' => text.Append(@"\f"),
            '\n' => text.Append(@"\n"),
            '\r' => text.Append(@"\r"),
            '\t' => text.Append(@"\t"),
            < ' ' or '<' or '>' or '&' or '\u2028' or '\u2029' => text.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}"),
            _ => text.Append(c),
        };
    }
}
