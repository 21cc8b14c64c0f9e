namespace WirePS.Relay.Http;

/// <summary>Removes the white space between the tokens of a JSON text and touches nothing else: numbers, escapes and order stay (R26).</summary>
internal static class CompactJson
{
    /// <param name="json">A text that is known to be JSON.</param>
    public static byte[] Compact(ReadOnlySpan<byte> json)
    {
        if (json.IndexOfAny(" \t\r\n"u8) < 0)
        {
            return json.ToArray();
        }

        var compact = new byte[json.Length];
        var length = 0;
        var inString = false;
        for (var i = 0; i < json.Length; i++)
        {
            var current = json[i];
            if (inString)
            {
                if (current == '\\')
                {
                    compact[length++] = current;
                    current = json[++i];
                }
                else if (current == '"')
                {
                    inString = false;
                }
            }
            else if (current is (byte)' ' or (byte)'\t' or (byte)'\r' or (byte)'\n')
            {
                continue;
            }
            else if (current == '"')
            {
                inString = true;
            }

            compact[length++] = current;
        }

        return compact[..length];
    }
}
