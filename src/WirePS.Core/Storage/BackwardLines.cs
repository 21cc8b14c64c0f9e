namespace WirePS.Storage;

/// <summary>Reads the lines of a private file from its end: what is new costs the same however long the file is.</summary>
internal static class BackwardLines
{
    private const int Block = 128 * 1024;
    private const int LongestLine = 2 * 1024 * 1024;

    /// <summary>The whole lines of a file, last first, without their line feeds. What follows the last line feed is being written, and is not among them.</summary>
    internal static IEnumerable<byte[]> Read(IFileSystem files, string path)
    {
        var begin = files.Length(path);
        var rest = Array.Empty<byte>();
        var isWhole = false;
        while (begin > 0)
        {
            var count = (int)Math.Min(Block, begin);
            begin -= count;
            var block = files.ReadPrivateRange(path, begin, count);
            if (block.Length < count)
            {
                // It was cut meanwhile.
                yield break;
            }

            byte[] text = [.. block, .. rest];
            var end = text.Length;
            while (end > 0 && Array.LastIndexOf(text, (byte)'\n', end - 1) is >= 0 and var at)
            {
                if (isWhole)
                {
                    yield return text[(at + 1)..end];
                }

                isWhole = true;
                end = at;
            }

            // No line is as long: what is left of this one cannot be read, and those before it can.
            rest = end > LongestLine ? [] : text[..end];
        }

        if (isWhole)
        {
            yield return rest;
        }
    }
}
