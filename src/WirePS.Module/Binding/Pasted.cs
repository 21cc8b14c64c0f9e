namespace WirePS.Module.Binding;

/// <summary>A URL as it was copied.</summary>
internal static class Pasted
{
    /// <summary>Without the line breaks, and the spaces after them, that a list in a narrow window puts into it.</summary>
    internal static string Joined(string text) =>
        string.Concat(text.Split(['\r', '\n'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));
}
