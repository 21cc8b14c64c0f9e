namespace WirePS.Daemon;

/// <summary>Finds programs by name.</summary>
internal static class ProgramPath
{
    /// <summary>
    /// The program in the first folder of <c>PATH</c> that has it; null where none does. Starting a program by its bare
    /// name would look in the current folder first, which may be one that other users write to.
    /// </summary>
    /// <param name="name">Its file name.</param>
    /// <param name="path">The value of <c>PATH</c>; folders that are not absolute are passed over.</param>
    internal static string? Find(string name, string? path) =>
        (path ?? "").Split(Path.PathSeparator)
            .Where(Path.IsPathFullyQualified)
            .Select(folder => Path.Combine(folder, name))
            .FirstOrDefault(File.Exists);
}
